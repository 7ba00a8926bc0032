/** A portal that embeds the dashboard and hands it a token: ../embed.md has the protocol. */

const page = new URL(new URLSearchParams(location.search).get("page") ?? "http://127.0.0.1:7071");
const frame = document.querySelector("iframe");
const status = document.querySelector("p");
let token = ""; // a real portal gets it from its server, for the user who is signed in

function handOver() {
  frame.contentWindow.postMessage({ type: "usage-analytics:token", token }, page.origin);
  status.textContent = "The token was handed over.";
}

addEventListener("message", ({ source, origin, data }) => {
  if (source !== frame.contentWindow || origin !== page.origin || data?.type !== "usage-analytics:ready") return;
  if (token) handOver();
  else status.textContent = "The page asks for a token.";
});

document.querySelector("form").addEventListener("submit", (event) => {
  event.preventDefault();
  token = new FormData(event.target).get("token");
  handOver();
});

frame.src = page.href;

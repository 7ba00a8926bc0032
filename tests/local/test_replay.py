"""The replay: how a trace becomes events, and how their sums are compared."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest

from local.env import FOLDER
from local.replay import main, report, tenant_of
from local.trace import BadTrace, Sums, Trace, read_trace, remembered_end
from shared.message import read_batch

HEADER = "TIMESTAMP,ContextTokens,GeneratedTokens"
SMALL = f"""{HEADER}
2023-11-16 18:17:03.9799600,4808,10
2023-11-16 18:17:04.0319600,3180,8
2023-11-16 18:18:00,110,0
"""
NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
REAL = FOLDER.parent.parent / "shared/data/AzureLLMInferenceTrace_code.csv"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where shifts are remembered; not there at first."""
    return tmp_path / "replay"


def trace_of(tmp_path: Path, text: str, name: str = "trace.csv") -> Trace:
    """The trace of a file with this text."""
    path = tmp_path / name
    path.write_bytes(text.encode())
    return read_trace(path)


def events(trace: Trace) -> list[dict[str, Any]]:
    """The trace's events as they are sent."""
    return list(trace.ending(NOW, "replay-1"))


def test_each_row_becomes_a_chat_that_ingest_accepts(tmp_path: Path) -> None:
    """Tokens are the row's, and what the file does not tell has its default."""
    trace = trace_of(tmp_path, SMALL)
    batch = read_batch(orjson.dumps({"events": events(trace)}))
    assert not batch.bad
    assert [*batch.events.input_tokens] == [4808, 3180, 110]
    assert [*batch.events.output_tokens] == [10, 8, 0]
    assert all(batch.events.users)
    kinds = batch.events.kinds
    assert {*zip(kinds.sources, kinds.features, kinds.products, strict=True)} == {
        ("replay/trace.csv", "code-completion", "ai-platform")
    }
    assert {*zip(kinds.providers, kinds.models, kinds.tenant_ids, strict=True)} == {
        ("azure.ai.openai", "gpt-4o", "replay-1")
    }
    assert trace.sums == Sums(3, 8098, 18)


def test_times_keep_their_distances_and_end_as_asked(tmp_path: Path) -> None:
    """The latest request lands on the given end, wherever it is in the file; the others before it."""
    rows = SMALL.splitlines()
    trace = trace_of(tmp_path, "\n".join([rows[0], rows[3], rows[1], rows[2]]))
    times = [datetime.fromisoformat(event["time"]) for event in events(trace)]
    assert times[0] == NOW
    assert times[2] - times[1] == timedelta(milliseconds=52)
    assert trace.span == timedelta(seconds=56, microseconds=20_040)


def test_ids_are_the_same_in_every_replay_and_differ_by_file(tmp_path: Path) -> None:
    """Ids follow from the file and the row, also where rows are alike."""
    row = "2023-11-16 18:17:03,5,5\n"
    ids = [event["id"] for event in events(trace_of(tmp_path, f"{HEADER}\n{row}{row}"))]
    assert ids == [event["id"] for event in events(trace_of(tmp_path, f"{HEADER}\n{row}{row}"))]
    others = [event["id"] for event in events(trace_of(tmp_path, f"{HEADER}\n{row}{row}{row}"))]
    assert len({*ids, *others}) == 5


def test_other_columns_are_taken_where_present(tmp_path: Path) -> None:
    """User, feature, model, provider and product come from the file; an empty cell means the default."""
    text = (
        "timestamp, ContextTokens,GeneratedTokens,user,feature,model,provider,product\r\n"
        "2023-11-16T18:17:03Z,1,2,ann,ticket-suggest,claude-sonnet-4-5,anthropic,\r\n"
        '2023-11-16T19:17:03+01:00,3,4,"Bo, jr.",own-thing,gpt-9,,books\r\n'
        "\r\n"
        "2023-11-16T18:17:03Z,5,6,,,,,\r\n"
    )
    known, own, plain = events(trace_of(tmp_path, "\ufeff" + text))
    assert (known["user"]["id"], known["feature"], known["model"]) == (
        "ann",
        "ticket-suggest",
        "claude-sonnet-4-5",
    )
    assert known["provider"] == "anthropic"
    assert "product" not in known
    assert (own["user"]["id"], own["product"], own["model"]) == ("Bo, jr.", "books", "gpt-9")
    assert "provider" not in own
    assert (plain["feature"], plain["model"], plain["provider"]) == (
        "code-completion",
        "gpt-4o",
        "azure.ai.openai",
    )
    assert known["time"] == own["time"] == NOW.isoformat()


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "line 1: the file lacks the column TIMESTAMP, ContextTokens, GeneratedTokens"),
        ("TIMESTAMP,ContextTokens\n", "line 1: the file lacks the column GeneratedTokens"),
        (HEADER + "\n", "the file has no requests"),
        (f"{HEADER}\n2023-11-16 18:17:03,5,5\n2023-11-16 18:17:03,4.5,5\n", "line 3: ContextTokens '4.5'"),
        (f"{HEADER}\n2023-11-16 18:17:03,5,-1\n", "line 2: GeneratedTokens '-1' is not a whole number"),
        (f"{HEADER}\n2023-11-16 18:17:03,,1\n", "line 2: ContextTokens '' is not a whole number"),
        (f"{HEADER}\n2023-11-16 18:17:03,{'9' * 5000},1\n", "line 2: ContextTokens '999"),
        (f"{HEADER}\n2023-11-16 18:17:03,999999999,1\n", "line 2: input_tokens: "),
        (f"{HEADER}\nyesterday,5,5\n", "line 2: TIMESTAMP 'yesterday' is no date and time"),
        (f"{HEADER}\n0001-01-01T00:00:00+14:00,5,5\n", "line 2: TIMESTAMP '0001"),
        (f"{HEADER}\n2023-11-16 18:17:03,5\n", "line 2: 2 values for 3 columns"),
        (f'{HEADER}\n2023-11-16 18:17:03,5,"5\n', "line 2: unexpected end of data"),
        (f"{HEADER},feature\n2023-11-16 18:17:03,5,5,Not A Slug\n", "line 2: feature: "),
        (f"{HEADER},product\n2023-11-16 18:17:03,5,5,toys\n", "line 2: product: "),
    ],
)
def test_a_file_that_is_no_trace_is_refused_by_line(tmp_path: Path, text: str, complaint: str) -> None:
    """Nothing is guessed: the first fault is told with its line."""
    with pytest.raises(BadTrace) as caught:
        trace_of(tmp_path, text)
    assert complaint in str(caught.value)


def test_a_binary_file_is_refused(tmp_path: Path) -> None:
    """Bytes that are no text give the same kind of error."""
    path = tmp_path / "trace.csv"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(BadTrace, match="not UTF-8"):
        read_trace(path)


def test_a_replay_ends_where_the_first_one_did(tmp_path: Path, folder: Path) -> None:
    """The first replay ends now; later ones at the same moment, so that no event moves."""
    trace = trace_of(tmp_path, SMALL)
    assert remembered_end(trace, folder, NOW) == NOW
    assert remembered_end(trace, folder, NOW + timedelta(days=30)) == NOW


def test_a_replay_too_old_for_ingest_begins_anew_under_another_tenant(tmp_path: Path, folder: Path) -> None:
    """When ingest would refuse the remembered times, the trace is shifted again and counted apart."""
    trace = trace_of(tmp_path, SMALL)
    remembered_end(trace, folder, NOW)
    later = NOW + timedelta(days=34)
    assert remembered_end(trace, folder, later) == later
    assert remembered_end(trace, folder, later + timedelta(days=1)) == later
    assert tenant_of(trace, later) != tenant_of(trace, NOW)


def test_files_have_tenants_of_their_own(tmp_path: Path) -> None:
    """The same content under another name is another replay: its events have another source."""
    tenants = {tenant_of(trace_of(tmp_path, SMALL, name), NOW) for name in ("a.csv", "b.csv")}
    assert len(tenants) == 2


def test_a_trace_longer_than_the_window_is_refused(tmp_path: Path, folder: Path) -> None:
    """Its first rows could never be ingested, so it is not begun."""
    trace = trace_of(tmp_path, f"{HEADER}\n2023-11-16 18:17:03,5,5\n2024-01-16 18:17:03,5,5\n")
    with pytest.raises(BadTrace, match="span 61 days"):
        remembered_end(trace, folder, NOW)
    assert not folder.exists()


@pytest.mark.skipif(not REAL.exists(), reason="the real trace is kept outside the repository")
def test_the_real_trace_is_read_exactly() -> None:
    """The published trace has the sums that its description states."""
    assert read_trace(REAL).sums == Sums(8819, 18_059_974, 245_896)


def test_the_report_puts_both_sums_side_by_side() -> None:
    """A person sees at once whether and where they differ."""
    file = Sums(8819, 18_059_974, 245_896)
    equal = report("replay-1", file, file, 8819)
    assert equal.count("18,059,974") == 2
    assert "Equal; 8,819 events" in equal
    assert "DIFFERENT; 0 events" in report("replay-1", file, Sums(8818, 18_059_974, 245_896), 0)


@pytest.fixture
def settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """Settings of a stack that nobody runs."""
    for name in ("USAGE_URL", "OPERATOR_KEY", "USAGE_STORAGE"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")


@pytest.mark.usefixtures("settings")
def test_a_file_that_cannot_be_replayed_is_one_clear_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The command tells the fault and its exit code differs from that of unequal sums."""
    path = tmp_path / "trace.csv"
    path.write_text("a,b\n")
    assert main([str(path)]) == 2
    assert main([str(tmp_path / "none.csv")]) == 2
    errors = capsys.readouterr().err.splitlines()
    assert errors[0].startswith("replay: line 1: the file lacks the column")
    assert "none.csv" in errors[1]

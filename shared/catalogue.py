"""What can be used and by which names: primitives, products, features and providers."""

from typing import Literal, get_args

type Primitive = Literal[
    "ai.chat",
    "ai.embed",
    "ai.image",
    "voice.room",
    "phone.call",
    "phone.sms",
    "web.crawl",
    "email.send",
    "governance.scan",
    "safety.moderate",
]
type Product = Literal["ai-platform", "psa", "crm", "defend", "voice", "books", "rmm"]

UNITS: dict[str, str] = {
    "ai.chat": "tokens",
    "ai.embed": "embeddings",
    "ai.image": "images",
    "voice.room": "participant-minutes",
    "phone.call": "minutes",
    "phone.sms": "messages",
    "web.crawl": "pages",
    "email.send": "emails",
    "governance.scan": "scans",
    "safety.moderate": "checks",
}

COUNTED_AS: dict[str, str] = {
    "ai.chat": "token-quota",
    "ai.embed": "token-quota",
    "ai.image": "images",
    "voice.room": "voice-minutes",
    "phone.call": "phone-minutes",
    "phone.sms": "messages",
    "web.crawl": "pages-crawled",
    "email.send": "emails-sent",
    "governance.scan": "governance-scans",
    "safety.moderate": "safety-moderations",
}
"""What a primitive's usage is counted towards: only chat and embedding tokens use up the token quota."""

PRODUCT_NAMES: dict[str, str] = {
    "ai-platform": "AI Platform",
    "psa": "PSA",
    "crm": "CRM",
    "defend": "Defend",
    "voice": "Voice",
    "books": "Books",
    "rmm": "RMM",
}

# OpenTelemetry's `gen_ai.provider.name` values; events may carry others, which are shown as they are.
PROVIDER_NAMES: dict[str, str] = {
    "azure.ai.openai": "Azure OpenAI",
    "azure.ai.inference": "Azure AI Foundry",
    "anthropic": "Anthropic",
}

FEATURES: dict[str, Product] = {
    "playground": "ai-platform",
    "custom-gpts": "ai-platform",
    "jarvis-assistant": "ai-platform",
    "knowledge-search": "ai-platform",
    "content-safety": "ai-platform",
    "ticket-suggest": "psa",
    "rca-generation": "psa",
    "ticket-notify": "psa",
    "enrichment": "crm",
    "activity-summaries": "crm",
    "outreach-email": "crm",
    "behavioral-analysis": "defend",
    "attack-narrative": "defend",
    "policy-scan": "defend",
    "call-recap": "voice",
    "transcription": "voice",
    "meeting-rooms": "voice",
    "outbound-calls": "voice",
    "sms-reminders": "voice",
    "invoice-explanation": "books",
    "device-summaries": "rmm",
    "patch-analysis": "rmm",
}
"""The product of each known feature; an event with another feature names its product itself."""


def names(literal: object) -> tuple[str, ...]:
    """The values of one of the Literal types above."""
    return get_args(getattr(literal, "__value__", literal))

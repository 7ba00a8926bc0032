"""Who and what the demo tenant consists of: its people, and what they use AI for. All fictional."""

from typing import NamedTuple

from shared.catalogue import Primitive

TECHNICIANS = """
    Amara Okafor, Mateo Alvarez, Priya Raman, Jonas Lindqvist, Mei-Ling Chen, Tariq Haddad, Sofia Petrova,
    Kwame Mensah, Lucía Fernández, Daniel Kowalski, Aiko Tanaka, Omar Siddiqui, Grace Whitfield"""
SELLERS = """
    Isabella Moretti, Noah Bennett, Fatima Zahra Idrissi, Liam O'Connell, Ananya Iyer, Thabo Dlamini,
    Chloé Laurent, Marcus Johnson"""
ANALYSTS = "Yara Nasser, Viktor Novak, Hana Kim, Samuel Adeyemi, Ingrid Solberg"
AGENTS = "Rosa Delgado, Emeka Nwosu, Linh Nguyen, Peter van Dijk, Leila Farahani"
ACCOUNTANTS = "Beatriz Carvalho, Henry Osei, Naomi Goldberg"
MARKETERS = "Camila Rojas, Arjun Mehta, Zoë Papadakis"
MANAGERS = "David Nakamura, Aaliyah Brooks, Tomasz Zielinski"

ROLES: dict[str, list[str]] = {
    role: [" ".join(name.split()) for name in names.split(",")]
    for role, names in {
        "technician": TECHNICIANS,
        "seller": SELLERS,
        "analyst": ANALYSTS,
        "agent": AGENTS,
        "accountant": ACCOUNTANTS,
        "marketer": MARKETERS,
        "manager": MANAGERS,
    }.items()
}
EVERYONE = tuple(ROLES)

NANO, MINI = "gpt-4o-mini", "o4-mini"
GPT_4O, GPT_41 = "gpt-4o", "gpt-4.1"
SONNET, HAIKU = "claude-sonnet-4-20250514", "claude-3-5-haiku-latest"
PHI, DEEPSEEK = "Phi-4", "DeepSeek-R1"
EMBEDDING, IMAGE = "text-embedding-3-small", "dall-e-3"
UNPRICED = "contoso-summaries-ft"  # the tenant's own fine-tuned model: no price list knows it

PROVIDERS: dict[str, str] = {
    **dict.fromkeys((NANO, MINI, GPT_4O, GPT_41, EMBEDDING, IMAGE), "azure.ai.openai"),
    **dict.fromkeys((SONNET, HAIKU), "anthropic"),
    **dict.fromkeys((PHI, DEEPSEEK, UNPRICED), "azure.ai.inference"),
}
REASONING = frozenset({MINI, DEEPSEEK})


CHAT_MODELS: dict[str, dict[str, int]] = {  # what serves each feature's chats, with shares
    "ticket-suggest": {NANO: 70, GPT_4O: 25, PHI: 5},
    "rca-generation": {MINI: 60, SONNET: 40},
    "patch-analysis": {GPT_41: 70, MINI: 30},
    "device-summaries": {PHI: 70, NANO: 30},
    "enrichment": {NANO: 75, PHI: 25},
    "activity-summaries": {NANO: 60, HAIKU: 32, UNPRICED: 8},
    "attack-narrative": {SONNET: 85, DEEPSEEK: 15},
    "behavioral-analysis": {PHI: 55, NANO: 45},
    "jarvis-assistant": {GPT_4O: 50, GPT_41: 30, SONNET: 20},
    "playground": {GPT_41: 40, SONNET: 30, DEEPSEEK: 20, MINI: 10},
    "custom-gpts": {GPT_4O: 60, SONNET: 40},
    "knowledge-search": {NANO: 1},
    "call-recap": {NANO: 65, HAIKU: 35},
    "transcription": {NANO: 1},
    "invoice-explanation": {NANO: 1},
}


class Activity(NamedTuple):
    """One way to use a feature. Medians are of log-normal distributions."""

    weight: float
    feature: str
    primitive: Primitive
    roles: tuple[str, ...] = ()  # none: unattended work
    input_tokens: int = 0  # median of a chat, or of one embedding
    output_tokens: int = 0  # median of a chat
    cached: float = 0.0  # probability that part of the prompt comes from the cache
    quantity: float = 1  # median, in units of the primitive


ATTENDED: tuple[Activity, ...] = (
    Activity(20, "ticket-suggest", "ai.chat", ("technician", "agent"), 1800, 220, 0.35),
    Activity(4, "rca-generation", "ai.chat", ("technician",), 6500, 900, 0.2),
    Activity(6, "ticket-notify", "email.send", ("technician", "agent")),
    Activity(3, "patch-analysis", "ai.chat", ("technician",), 5200, 700, 0.3),
    Activity(4, "device-summaries", "ai.chat", ("technician",), 2200, 240),
    Activity(5, "enrichment", "ai.chat", ("seller",), 2400, 300),
    Activity(4, "enrichment", "web.crawl", ("seller",), quantity=6),
    Activity(7, "activity-summaries", "ai.chat", ("seller", "manager"), 3000, 350, 0.1),
    Activity(4, "outreach-email", "email.send", ("seller", "marketer"), quantity=9),
    Activity(3, "attack-narrative", "ai.chat", ("analyst",), 9000, 1100, 0.4),
    Activity(14, "jarvis-assistant", "ai.chat", EVERYONE, 2800, 420, 0.5),
    Activity(5, "playground", "ai.chat", EVERYONE, 900, 500),
    Activity(7, "custom-gpts", "ai.chat", EVERYONE, 3500, 450, 0.45),
    Activity(1.5, "custom-gpts", "ai.image", ("marketer", "seller"), quantity=1.6),
    Activity(9, "knowledge-search", "ai.embed", EVERYONE, 24),
    Activity(6, "knowledge-search", "ai.chat", EVERYONE, 4200, 280, 0.15),
    Activity(6, "content-safety", "safety.moderate", EVERYONE),
    Activity(4, "call-recap", "ai.chat", ("agent", "seller"), 5200, 380),
    Activity(3, "meeting-rooms", "voice.room", ("seller", "manager", "technician"), quantity=85),
    Activity(4, "outbound-calls", "phone.call", ("seller", "agent"), quantity=5.5),
    Activity(3, "sms-reminders", "phone.sms", ("agent",), quantity=1.4),
    Activity(3, "invoice-explanation", "ai.chat", ("accountant", "agent"), 1600, 260),
)

UNATTENDED: tuple[Activity, ...] = (
    Activity(40, "behavioral-analysis", "ai.chat", (), 3800, 160, 0.25),
    Activity(8, "policy-scan", "governance.scan", quantity=2.5),
    Activity(12, "knowledge-search", "ai.embed", (), 280, quantity=20),
    Activity(8, "transcription", "ai.chat", (), 6000, 900),
    Activity(4, "transcription", "voice.room", quantity=30),
    Activity(10, "device-summaries", "ai.chat", (), 2200, 240),
    Activity(10, "content-safety", "safety.moderate", quantity=3),
    Activity(3, "sms-reminders", "phone.sms", quantity=2),
)

# Requests by hour of the tenant's day: people have office hours with a lunch break, machines do not.
OFFICE_HOURS = (1, 1, 1, 1, 1, 3, 12, 45, 90, 108, 112, 104, 70, 88, 106, 104, 92, 64, 28, 14, 9, 6, 4, 2)
MACHINE_HOURS = (9, 9, 14, 14, 10, 8, 8, 9, 10, 10, 10, 10, 10, 10, 10, 10, 10, 10, 9, 9, 9, 9, 9, 9)
WEEKDAYS = (1.08, 1.10, 1.05, 1.02, 0.86, 0.14, 0.10)  # Monday first
MONTHS = (0.95, 1.0, 1.04, 1.02, 1.0, 0.97, 0.88, 0.9, 1.04, 1.06, 1.02, 0.86)  # January first
HOLIDAYS = frozenset({(1, 1), (7, 4), (12, 24), (12, 25), (12, 31)})  # month and day

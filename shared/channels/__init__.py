"""The ways out to people and systems: email, tickets, webhooks. The only rooms that talk to the outside."""

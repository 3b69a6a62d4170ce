"""What all doubles share: how long they wait, how they misbehave, and where they listen."""

import socket
from typing import cast

PATIENCE = 10.0
DROP = "(drop)"
SILENCE = "(silence)"


def next_answer(replies: dict[str, str | list[str]], recipient: str) -> str | None:
    """What is scripted for this one: a list is used up answer by answer, a string stands for good."""
    scripted = replies.get(recipient)
    if isinstance(scripted, list):
        return scripted.pop(0) if scripted else None
    return scripted


def free_port() -> int:
    """A port nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return cast(int, listener.getsockname()[1])

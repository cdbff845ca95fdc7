"""A model's endpoint that takes a request only if the types of the official SDKs do.

It plays Anthropic's Messages and OpenAI's Chat Completions on a free port of this machine, checks every body with the
request types of the packages `anthropic` and `openai`, with no field beyond them, and answers with their response types.
Then it has the tests of this repository ask it, and prints what was asked.

    python3 -m venv /tmp/sdks && /tmp/sdks/bin/pip install anthropic openai
    /tmp/sdks/bin/python tests/contract/models.py
"""

import collections.abc
import json
import os
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.metadata import version

import anthropic.types
import openai.types.chat
from anthropic.types import Message, MessageCreateParams, TextBlock, ToolUseBlock, Usage
from openai.types import CompletionUsage
from openai.types.chat import ChatCompletion, ChatCompletionMessage
from openai.types.chat.chat_completion import Choice
from openai.types.chat.completion_create_params import CompletionCreateParams
from pydantic import BaseModel, ConfigDict, TypeAdapter
from typing_extensions import is_typeddict


def forbid_unknown_fields():
    """These types let everything pass that they do not name, unless each of them says otherwise."""
    config = ConfigDict(extra="forbid", arbitrary_types_allowed=True)
    models = set()
    for name, module in list(sys.modules.items()):
        if name.startswith(("anthropic.types", "openai.types")):
            for thing in vars(module).values():
                if is_typeddict(thing):
                    thing.__pydantic_config__ = config
                elif isinstance(thing, type) and issubclass(thing, BaseModel) and thing.__module__.startswith(name):
                    models.add(thing)
    for model in models:
        model.model_config = {**model.model_config, **config}
    for model in models:
        model.model_rebuild(force=True, raise_errors=False)


def look_at_all(value):
    """Lists of these types are checked when they are read, so they are read to their end."""
    if isinstance(value, dict):
        for part in value.values():
            look_at_all(part)
    elif isinstance(value, (list, tuple)) or (
        isinstance(value, collections.abc.Iterator) and not isinstance(value, (str, bytes))
    ):
        for part in value:
            look_at_all(part)


forbid_unknown_fields()
REQUESTS = {
    "/v1/messages": TypeAdapter(MessageCreateParams),
    "/v1/chat/completions": TypeAdapter(CompletionCreateParams),
}
seen, refused = [], []


def anthropic_answer(body):
    tools = [tool["name"] for tool in body.get("tools", [])]
    choice = body.get("tool_choice", {})
    wanted = choice.get("name") or (tools[0] if choice.get("type") == "any" else None)
    format = body.get("output_config", {}).get("format")
    text = '{"tasks": ["bake"]}' if format else "Noted."
    content = [TextBlock(type="text", text=text)]
    if wanted:
        content.append(ToolUseBlock(type="tool_use", id="toolu_1", name=wanted, input={"city": "Ulm"}))
    message = Message(
        id="msg_1",
        type="message",
        role="assistant",
        model=body["model"],
        content=content,
        stop_reason="tool_use" if wanted else "end_turn",
        usage=Usage(input_tokens=10, output_tokens=5, cache_creation_input_tokens=0, cache_read_input_tokens=90),
    )
    whole = message.model_dump(mode="json", exclude_none=True)
    if not body.get("stream"):
        return "application/json", json.dumps(whole)
    begun = {**whole, "content": []}
    begun.pop("stop_reason")
    events = [{"type": "message_start", "message": begun}]
    for index, block in enumerate(whole["content"]):
        if block["type"] == "text":
            empty, delta = {**block, "text": ""}, {"type": "text_delta", "text": block["text"]}
        else:
            empty = {**block, "input": {}}
            delta = {"type": "input_json_delta", "partial_json": json.dumps(block["input"])}
        events += [
            {"type": "content_block_start", "index": index, "content_block": empty},
            {"type": "content_block_delta", "index": index, "delta": delta},
            {"type": "content_block_stop", "index": index},
        ]
    events += [
        {"type": "message_delta", "delta": {"stop_reason": whole["stop_reason"]}, "usage": {"output_tokens": 5}},
        {"type": "message_stop"},
    ]
    adapter = TypeAdapter(anthropic.types.RawMessageStreamEvent)
    for event in events:
        adapter.validate_python(event)
    return "text/event-stream", "".join(f"event: {event['type']}\ndata: {json.dumps(event)}\n\n" for event in events)


def openai_answer(body):
    choice = body.get("tool_choice")
    tools = [tool["function"]["name"] for tool in body.get("tools", [])]
    wanted = choice["function"]["name"] if isinstance(choice, dict) else tools[0] if choice == "required" else None
    form = body.get("response_format")
    call = {"id": "call_1", "type": "function", "function": {"name": wanted, "arguments": '{"city": "Ulm"}'}}
    message = {"role": "assistant", "content": '{"tasks": ["bake"]}' if form else "Noted."}
    if wanted:
        message["tool_calls"] = [call]
    reason = "tool_calls" if wanted else "stop"
    usage = CompletionUsage(prompt_tokens=100, completion_tokens=5, total_tokens=105)
    if not body.get("stream"):
        answer = ChatCompletion(
            id="chatcmpl-1",
            object="chat.completion",
            created=1,
            model=body["model"],
            choices=[Choice(index=0, finish_reason=reason, message=ChatCompletionMessage.model_validate(message))],
            usage=usage,
        )
        return "application/json", answer.model_dump_json()
    if wanted:
        message["tool_calls"] = [{"index": 0, **call}]
    head = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": body["model"]}
    chunks = [
        {**head, "choices": [{"index": 0, "delta": message, "finish_reason": None}]},
        {**head, "choices": [{"index": 0, "delta": {}, "finish_reason": reason}]},
    ]
    if (body.get("stream_options") or {}).get("include_usage"):
        chunks.append({**head, "choices": [], "usage": usage.model_dump()})
    for chunk in chunks:
        openai.types.chat.ChatCompletionChunk.model_validate(chunk)
    return "text/event-stream", "".join(f"data: {json.dumps(chunk)}\n\n" for chunk in chunks) + "data: [DONE]\n\n"


class Endpoint(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        adapter = REQUESTS.get(self.path)
        try:
            if adapter is None:
                raise ValueError(f"there is nothing at {self.path}")
            look_at_all(adapter.validate_python(body))
        except ValueError as error:
            refused.append((self.path, str(error)))
            self.answer(400, "application/json", json.dumps({"error": {"message": str(error)}}))
            return
        has = [name for name in body if name not in ("model", "messages")]
        seen.append(f"{self.path}: {len(body['messages'])} messages, {', '.join(has)}")
        answer = anthropic_answer if self.path == "/v1/messages" else openai_answer
        self.answer(200, *answer(body))

    def answer(self, status, kind, text):
        data = text.encode()
        self.send_response(status)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_):
        pass


def main():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Endpoint)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    address = f"http://127.0.0.1:{server.server_address[1]}"
    print(f"anthropic {version('anthropic')}, openai {version('openai')}")
    cargo = os.environ.get("CARGO", "cargo").split()
    tests = ["test", "--workspace", "--test", "models", "--", "sdks::"]
    ended = subprocess.run([*cargo, *tests], env={**os.environ, "GOALWRIGHT_TEST_SDKS": address}, check=False)
    for line in seen:
        print(f"taken    {line}")
    for path, error in refused:
        print(f"refused  {path}: {error}")
    print(f"{len(seen)} requests hold to the types, {len(refused)} do not")
    return 1 if refused or ended.returncode or not seen else 0


if __name__ == "__main__":
    sys.exit(main())

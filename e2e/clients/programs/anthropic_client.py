from json import loads

import anthropic

from run import at, picture, raised, run

client = anthropic.Anthropic(base_url=at["url"], api_key=at["key"])
tools = [{"name": "get_weather", "description": "The weather", "input_schema": {"type": "object", "properties": {"location": {"type": "string"}}, "required": ["location"]}}]


def user(content):
    return {"role": "user", "content": content}


def words(m):
    return "".join(b.text for b in m.content if b.type == "text")


def usage(u):
    return [u.input_tokens, u.cache_read_input_tokens, u.output_tokens]


def calls(m):
    return [[b.name, b.input] for b in m.content if b.type == "tool_use"]


def error(e):
    return {
        "type": type(e).__name__, "status": e.status_code, "named": e.body["error"]["type"],
        "id": (e.request_id or "").startswith("req_"), "wait": int(e.response.headers.get("retry-after", 0)) > 0,
    }


def of(model):
    def create(**more):
        return client.messages.create(**{"model": model, "max_tokens": 500, **more})

    def message():
        m = create(system="Well.", messages=[user("friend")])
        return {"type": m.type, "role": m.role, "model": m.model, "text": words(m), "stop": m.stop_reason, "usage": usage(m.usage), "id": m._request_id.startswith("req_")}

    def blocks():
        system = [{"type": "text", "text": "Well.", "cache_control": {"type": "ephemeral"}}]
        return words(create(system=system, messages=[user([{"type": "text", "text": "friend"}])]))

    def stream():
        text, seen = "", set()
        with client.messages.stream(model=model, max_tokens=500, messages=[user("friend")]) as s:
            for e in s:
                seen.add(e.type)
                if e.type == "text":  # the helper's own
                    text += e.text
            m = s.get_final_message()
        return {"text": text, "whole": words(m), "stop": m.stop_reason, "usage": usage(m.usage), "seen": sorted(seen - {"ping", "text"})}

    def with_tools():
        messages = [user("How is the weather?")]
        m = create(messages=messages, tools=tools)
        made = [b for b in m.content if b.type == "tool_use"]
        messages += [{"role": "assistant", "content": m.content}, user([{"type": "tool_result", "tool_use_id": b.id, "content": f"{18 - i} degrees"} for i, b in enumerate(made)])]
        after = create(messages=messages, tools=tools)
        return {"calls": calls(m), "stop": m.stop_reason, "text": words(after), "then": after.stop_reason}

    def tools_streamed():
        with client.messages.stream(model=model, max_tokens=500, messages=[user("How is the weather?")], tools=tools) as s:
            m = s.get_final_message()
        return {"calls": calls(m), "stop": m.stop_reason}

    def schema():
        form = {"type": "object", "properties": {"name": {"type": "string"}, "age": {"type": "integer"}}, "required": ["name", "age"], "additionalProperties": False}
        return loads(words(create(messages=[user("Who?")], output_config={"format": {"type": "json_schema", "schema": form}})))

    def seen():
        source = {"type": "base64", "media_type": "image/png", "data": picture}
        return words(create(messages=[user([{"type": "text", "text": "What is it?"}, {"type": "image", "source": source}])]))

    def thinking():
        m = create(max_tokens=4000, thinking={"type": "enabled", "budget_tokens": 1024}, messages=[user("friend")])
        return {"think": "".join(b.thinking for b in m.content if b.type == "thinking"), "text": words(m)}

    def silent():
        with client.messages.with_streaming_response.create(model=model, max_tokens=500, messages=[user("silent")], stream=True) as raw:
            shown = any(line.startswith(":") for line in raw.iter_lines())
        with client.messages.stream(model=model, max_tokens=500, messages=[user("silent")]) as s:
            return {"shown": shown, "text": s.get_final_text()}

    def abort():
        n = 0
        with create(messages=[user("slow")], stream=True) as s:
            for _ in s:
                n += 1
                if n == 8:
                    break
        return n >= 8

    return {
        "message": message, "system in blocks": blocks, "stream": stream, "tools": with_tools, "tools streamed": tools_streamed, "schema": schema,
        "picture": seen, "thinking": thinking, "abort": abort, "silent": silent,
        "too much": lambda: error(raised(lambda: create(messages=[user("too much")]))),
        "too much streamed": lambda: error(raised(lambda: create(messages=[user("too much")], stream=True))),
    }


cases = {f"{case}/{name}": f for name, model in at["models"].items() for case, f in of(model).items()}
first = at["models"]["messages"]


def ask(c, model, **more):
    return c.messages.create(**{"model": model, "max_tokens": 500, "messages": [user("friend")], **more})


def listed():
    ids = [m.id for m in client.models.list()]
    return all(m in ids for m in at["models"].values())


def model():
    m = client.models.retrieve(first)
    return {"id": m.id, "type": m.type, "name": m.display_name}


once = client.with_options(max_retries=0)
cases |= {
    "unknown members": lambda: ask(client, first, extra_body={"x_unknown": {"deep": [1, "two", None]}}).x_echo,
    "tokens": lambda: client.messages.count_tokens(model=first, messages=[user("friend")]).input_tokens,
    "models": listed,
    "model": model,
    "no such model": lambda: error(raised(lambda: ask(client, "nothing"))),
    "no such key": lambda: error(raised(lambda: ask(client.with_options(api_key="sk-none"), first))),
    "key that may not": lambda: error(raised(lambda: ask(client.with_options(api_key=at["sight"]), first))),
    "key as a token": lambda: words(ask(anthropic.Anthropic(base_url=at["url"], auth_token=at["key"]), first)),
    "nonsense": lambda: error(raised(lambda: client.messages.create(model=5, max_tokens=5, messages=[]))),
    "no credits": lambda: error(raised(lambda: ask(client, "dear", max_tokens=16000))),
    "rate": lambda: error(raised(lambda: ask(once, "limited"))),
    "trouble": lambda: error(raised(lambda: ask(once, "broken"))),
}
run(cases)

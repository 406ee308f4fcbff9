import asyncio
import gc
from json import loads

import litellm

from run import at, picture, raised, run

litellm.suppress_debug_info = True
litellm.drop_params = False
parameters = {"type": "object", "properties": {"location": {"type": "string"}}, "required": ["location"]}
tools = [{"type": "function", "function": {"name": "get_weather", "description": "The weather", "parameters": parameters}}]
form = {"type": "object", "properties": {"name": {"type": "string"}, "age": {"type": "integer"}}, "required": ["name", "age"], "additionalProperties": False}


def user(content):
    return [{"role": "user", "content": content}]


def usage(u):
    return [u.prompt_tokens, u.completion_tokens, u.total_tokens]


def calls(m):
    return [[c.function.name, loads(c.function.arguments)] for c in m.tool_calls]


def error(e):
    return {"type": type(e).__name__, "status": e.status_code}


def of(model, where):
    def ask(**more):
        return litellm.completion(**{"model": model, **where, "max_retries": 0, **more})

    def chat():
        c = ask(messages=[{"role": "system", "content": "Well."}, *user("friend")])
        return {"text": c.choices[0].message.content, "finish": c.choices[0].finish_reason, "usage": usage(c.usage)}

    def stream():
        chunks = list(ask(messages=user("friend"), stream=True, stream_options={"include_usage": True}))
        whole = litellm.stream_chunk_builder(chunks)
        return {"text": whole.choices[0].message.content, "finish": whole.choices[0].finish_reason, "usage": usage(whole.usage)}

    def concurrently():
        async def one():
            c = await litellm.acompletion(model=model, **where, messages=user("friend"))
            return c.choices[0].message.content

        async def several():
            return await asyncio.gather(one(), one(), one())

        return asyncio.run(several())

    def with_tools():
        messages = user("How is the weather?")
        c = ask(messages=messages, tools=tools)
        m = c.choices[0].message
        after = [*messages, m, *({"role": "tool", "tool_call_id": t.id, "content": f"{18 - i} degrees"} for i, t in enumerate(m.tool_calls))]
        return {"calls": calls(m), "finish": c.choices[0].finish_reason, "text": ask(messages=after, tools=tools).choices[0].message.content}

    def tools_streamed():
        whole = litellm.stream_chunk_builder(list(ask(messages=user("How is the weather?"), tools=tools, stream=True)))
        return {"calls": calls(whole.choices[0].message), "finish": whole.choices[0].finish_reason}

    def schema():
        c = ask(messages=user("Who?"), response_format={"type": "json_schema", "json_schema": {"name": "person", "schema": form, "strict": True}})
        return loads(c.choices[0].message.content)

    def seen():
        c = ask(messages=user([{"type": "text", "text": "What is it?"}, {"type": "image_url", "image_url": {"url": "data:image/png;base64," + picture}}]))
        return c.choices[0].message.content

    def abort():
        n = 0
        s = ask(messages=user("slow"), stream=True)
        for _ in s:
            n += 1
            if n == 5:
                break
        del s
        gc.collect()  # it has nothing else that ends it
        return n >= 5

    return {
        "chat": chat, "stream": stream, "concurrently": concurrently, "tools": with_tools, "tools streamed": tools_streamed, "schema": schema, "picture": seen,
        "abort": abort, "too much": lambda: error(raised(lambda: ask(messages=user("too much")))),
    }


openai = {"api_base": at["url"] + "/v1", "api_key": at["key"]}
anthropic = {"api_base": at["url"], "api_key": at["key"]}
cases = {}
for name, model in at["models"].items():
    cases |= {f"{case} by chat/{name}": f for case, f in of("openai/" + model, openai).items()}
    cases |= {f"{case} by messages/{name}": f for case, f in of("anthropic/" + model, anthropic).items()}


def refused(model, **more):
    return error(raised(lambda: litellm.completion(**{"model": model, **openai, "messages": user("friend"), "max_retries": 0, **more})))


def respond():
    r = litellm.responses(model="openai/" + at["models"]["responses"], input="friend", **openai)
    return {"text": "".join(p.text for o in r.output if o.type == "message" for p in o.content), "status": r.status}


def embeddings():
    e = litellm.embedding(model="openai/embed", input=["a", "four"], encoding_format="float", **openai)
    return [d["embedding"] for d in e.data]


first = "openai/" + at["models"]["chat"]
cases |= {
    "responses": respond,
    "embeddings": embeddings,
    "no such model": lambda: refused("openai/nothing"),
    "no such key": lambda: refused(first, api_key="sk-none"),
    "key that may not": lambda: refused(first, api_key=at["sight"]),
    "no credits": lambda: refused("openai/dear", max_tokens=100000),
    "rate": lambda: refused("openai/limited"),
    "trouble": lambda: refused("openai/broken"),
}
run(cases, at_once=1)  # it imports what it needs in the middle of a call, which several threads mustn't

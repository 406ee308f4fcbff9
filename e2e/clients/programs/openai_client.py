from json import loads

import openai
from pydantic import BaseModel

from run import at, picture, raised, run

client = openai.OpenAI(base_url=at["url"] + "/v1", api_key=at["key"])
parameters = {"type": "object", "properties": {"location": {"type": "string"}}, "required": ["location"], "additionalProperties": False}
tools = [{"type": "function", "function": {"name": "get_weather", "description": "The weather", "parameters": parameters, "strict": True}}]
flat = [{"type": "function", "name": "get_weather", "description": "The weather", "parameters": parameters, "strict": True}]
image = "data:image/png;base64," + picture


class Person(BaseModel):
    name: str
    age: int


def user(content):
    return {"role": "user", "content": content}


def usage(u):
    d = u.prompt_tokens_details
    return [u.prompt_tokens, d and d.cached_tokens, u.completion_tokens, u.total_tokens]


def used(u):
    d = u.input_tokens_details
    return [u.input_tokens, d and d.cached_tokens, u.output_tokens, u.total_tokens]


def calls(m):
    return [[c.type, c.function.name, loads(c.function.arguments)] for c in m.tool_calls]


def functions(r):
    return [[o.name, loads(o.arguments)] for o in r.output if o.type == "function_call"]


def error(e):
    return {
        "type": type(e).__name__, "status": e.status_code, "code": e.code, "named": e.type, "param": e.param,
        "id": (e.request_id or "").startswith("req_"), "wait": int(e.response.headers.get("retry-after", 0)) > 0,
    }


def of(model):
    def create(**more):
        return client.chat.completions.create(model=model, **more)

    def respond(**more):
        return client.responses.create(model=model, **more)

    def chat():
        c = create(messages=[{"role": "system", "content": "Well."}, user("friend")])
        choice = c.choices[0]
        return {"object": c.object, "model": c.model, "text": choice.message.content, "role": choice.message.role, "finish": choice.finish_reason, "usage": usage(c.usage)}

    def stream():
        text, role, finish, last, chunks = "", None, None, None, 0
        for chunk in create(messages=[user("friend")], stream=True, stream_options={"include_usage": True}):
            chunks += 1
            last = chunk.usage or last
            for choice in chunk.choices:
                text += choice.delta.content or ""
                role = choice.delta.role or role
                finish = choice.finish_reason or finish
        return {"text": text, "role": role, "finish": finish, "usage": usage(last), "several": chunks > 5}

    def without_usage():
        chunks = list(create(messages=[user("friend")], stream=True))
        text = "".join(c.choices[0].delta.content or "" for c in chunks if c.choices)
        return {"text": text, "usages": sum(1 for c in chunks if c.usage), "empty": sum(1 for c in chunks if not c.choices)}

    def with_tools():
        messages = [user("How is the weather?")]
        c = create(messages=messages, tools=tools, parallel_tool_calls=True)
        m = c.choices[0].message
        messages.append(m)
        messages.extend({"role": "tool", "tool_call_id": t.id, "content": f"{18 - i} degrees"} for i, t in enumerate(m.tool_calls))
        after = create(messages=messages, tools=tools)
        return {"calls": calls(m), "finish": c.choices[0].finish_reason, "text": after.choices[0].message.content, "then": after.choices[0].finish_reason}

    def tools_streamed():
        with client.chat.completions.stream(model=model, messages=[user("How is the weather?")], tools=tools) as s:
            c = s.get_final_completion()
        return {"calls": calls(c.choices[0].message), "finish": c.choices[0].finish_reason}

    def schema():
        c = client.chat.completions.parse(model=model, messages=[user("Who?")], response_format=Person)
        return c.choices[0].message.parsed.model_dump()

    def seen():
        c = create(messages=[user([{"type": "text", "text": "What is it?"}, {"type": "image_url", "image_url": {"url": image}}])])
        return c.choices[0].message.content

    def reasoning():
        m = create(messages=[user("friend")], reasoning_effort="low").choices[0].message
        return {"think": m.reasoning_content, "text": m.content}

    def abort():
        n = 0
        with create(messages=[user("slow")], stream=True) as s:
            for _ in s:
                n += 1
                if n == 5:
                    break
        return n >= 5

    def responses():
        r = respond(input="friend", instructions="Well.")
        return {"object": r.object, "model": r.model, "status": r.status, "text": r.output_text, "usage": used(r.usage)}

    def responses_streamed():
        text, kinds, numbers = "", set(), []
        with client.responses.stream(model=model, input="friend") as s:
            for e in s:
                kinds.add(e.type)
                numbers.append(e.sequence_number)
                if e.type == "response.output_text.delta":
                    text += e.delta
            r = s.get_final_response()
        # The helper makes an event of its own for each, without a number of its own.
        return {"text": text, "whole": r.output_text, "status": r.status, "usage": used(r.usage), "ordered": numbers == sorted(numbers), "seen": sorted(kinds)}

    def responses_tools():
        asked = [user("How is the weather?")]
        r = respond(input=asked, tools=flat)
        asked += r.output
        made = [o for o in r.output if o.type == "function_call"]
        asked += [{"type": "function_call_output", "call_id": c.call_id, "output": f"{18 - i} degrees"} for i, c in enumerate(made)]
        return {"calls": functions(r), "text": respond(input=asked, tools=flat).output_text}

    def responses_tools_streamed():
        with client.responses.stream(model=model, input="How is the weather?", tools=flat) as s:
            return functions(s.get_final_response())

    def responses_schema():
        return client.responses.parse(model=model, input="Who?", text_format=Person).output_parsed.model_dump()

    def responses_picture():
        return respond(input=[user([{"type": "input_text", "text": "What is it?"}, {"type": "input_image", "detail": "auto", "image_url": image}])]).output_text

    def responses_reasoning():
        r = respond(input="friend", reasoning={"effort": "low", "summary": "auto"})
        think = "".join(p.text for o in r.output if o.type == "reasoning" for p in [*o.summary, *(o.content or [])])
        return {"think": think, "text": r.output_text}

    def compaction():
        try:
            r = client.responses.compact(model=model, input=[user("friend"), {"role": "assistant", "content": "Hello."}])
        except openai.APIError as e:
            return error(e)
        return {"object": r.object, "kept": [o.type for o in r.output], "usage": used(r.usage)}

    def silent():
        with client.chat.completions.with_streaming_response.create(model=model, messages=[user("silent")], stream=True) as raw:
            shown = any(line.startswith(":") for line in raw.iter_lines())
        chunks = create(messages=[user("silent")], stream=True)
        return {"shown": shown, "text": "".join(c.choices[0].delta.content or "" for c in chunks if c.choices)}

    def responses_silent():
        with client.responses.with_streaming_response.create(model=model, input="silent", stream=True) as raw:
            shown = any(line.startswith(":") for line in raw.iter_lines())
        with client.responses.stream(model=model, input="silent") as s:
            return {"shown": shown, "text": s.get_final_response().output_text}

    def responses_abort():
        n = 0
        with respond(input="slow", stream=True) as s:
            for _ in s:
                n += 1
                if n == 8:
                    break
        return n >= 8

    return {
        "chat": chat, "stream": stream, "stream without usage": without_usage, "tools": with_tools, "tools streamed": tools_streamed, "schema": schema,
        "picture": seen, "reasoning": reasoning, "abort": abort,
        "too much": lambda: error(raised(lambda: create(messages=[user("too much")]))),
        "too much streamed": lambda: error(raised(lambda: create(messages=[user("too much")], stream=True))),
        "responses": responses, "responses streamed": responses_streamed, "responses tools": responses_tools,
        "responses tools streamed": responses_tools_streamed, "responses schema": responses_schema, "responses picture": responses_picture,
        "responses reasoning": responses_reasoning, "responses abort": responses_abort, "compaction": compaction, "silent": silent, "responses silent": responses_silent,
    }


cases = {f"{case}/{name}": f for name, model in at["models"].items() for case, f in of(model).items()}
first = at["models"]["chat"]


def ask(c, model, **more):
    return c.chat.completions.create(model=model, messages=[user("friend")], **more)


def logprobs():
    every = ask(client, first, logprobs=True, top_logprobs=1).choices[0].logprobs.content
    return {"text": "".join(t.token for t in every), "each": every[0].logprob, "top": len(every[0].top_logprobs)}


def embeddings():
    e = client.embeddings.create(model="embed", input=["a", "four"])
    return {"vectors": [d.embedding for d in e.data], "tokens": e.usage.total_tokens, "model": e.model}


def model():
    m = client.models.retrieve(first)
    return {"id": m.id, "object": m.object}


def listed():
    ids = [m.id for m in client.models.list()]
    return all(m in ids for m in at["models"].values())


once = client.with_options(max_retries=0)
cases |= {
    "log-probabilities": logprobs,
    "unknown members": lambda: ask(client, first, extra_body={"x_unknown": {"deep": [1, "two", None]}}).x_echo,
    "unknown members streamed": lambda: sorted({c.x_echo for c in ask(client, first, stream=True, extra_body={"x_unknown": "kept"})}),
    "unknown members of responses": lambda: client.responses.create(model=at["models"]["responses"], input="friend", extra_body={"x_unknown": {"deep": True}}).x_echo,
    "embeddings": embeddings,
    "embeddings as floats": lambda: client.embeddings.create(model="embed", input="a", encoding_format="float").data[0].embedding,
    "models": listed,
    "model": model,
    "no such model to look at": lambda: error(raised(lambda: client.models.retrieve("nothing"))),
    "no such model": lambda: error(raised(lambda: ask(client, "nothing"))),
    "no such key": lambda: error(raised(lambda: ask(client.with_options(api_key="sk-none"), first))),
    "key that may not": lambda: error(raised(lambda: ask(client.with_options(api_key=at["sight"]), first))),
    "nonsense": lambda: error(raised(lambda: client.chat.completions.create(model=5, messages=[]))),
    "no credits": lambda: error(raised(lambda: ask(client, "dear", max_completion_tokens=100000))),
    "rate": lambda: error(raised(lambda: ask(once, "limited"))),
    "trouble": lambda: error(raised(lambda: ask(once, "broken"))),
}
run(cases)

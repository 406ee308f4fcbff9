import OpenAI from 'openai';
import { zodResponseFormat, zodTextFormat } from 'openai/helpers/zod';
import { z } from 'zod';
import { at, picture, run, thrown } from './run.mjs';

const client = new OpenAI({ baseURL: `${at.url}/v1`, apiKey: at.key });
const Person = z.object({ name: z.string(), age: z.number() });
const parameters = { type: 'object', properties: { location: { type: 'string' } }, required: ['location'], additionalProperties: false };
const tools = [{ type: 'function', function: { name: 'get_weather', description: 'The weather', parameters } }];
const flat = [{ type: 'function', name: 'get_weather', description: 'The weather', parameters, strict: true }];
const user = (content) => ({ role: 'user', content });
const usage = (u) => [u.prompt_tokens, u.prompt_tokens_details?.cached_tokens ?? null, u.completion_tokens, u.total_tokens];
const used = (u) => [u.input_tokens, u.input_tokens_details?.cached_tokens ?? null, u.output_tokens, u.total_tokens];
const calls = (m) => m.tool_calls.map((c) => [c.type, c.function.name, JSON.parse(c.function.arguments)]);
const functions = (r) => r.output.filter((o) => o.type === 'function_call').map((o) => [o.name, JSON.parse(o.arguments)]);
const error = (e) => ({ type: e.constructor.name, status: e.status, code: e.code ?? null, named: e.type ?? null, param: e.param ?? null, id: /^req_/.test(e.requestID), wait: Number(e.headers.get('retry-after')) > 0 });

const cases = {};
for (const [name, model] of Object.entries(at.models)) {
  const create = (more, o) => client.chat.completions.create({ model, ...more }, o);
  const respond = (more, o) => client.responses.create({ model, ...more }, o);

  cases[`chat/${name}`] = async () => {
    const c = await create({ messages: [{ role: 'system', content: 'Well.' }, user('friend')] });
    const [choice] = c.choices;
    return { object: c.object, model: c.model, text: choice.message.content, role: choice.message.role, finish: choice.finish_reason, usage: usage(c.usage) };
  };
  cases[`stream/${name}`] = async () => {
    let text = '', finish, role, last, chunks = 0;
    for await (const chunk of await create({ messages: [user('friend')], stream: true, stream_options: { include_usage: true } })) {
      chunks++;
      const d = chunk.choices[0];
      text += d?.delta.content ?? '';
      role = d?.delta.role ?? role;
      finish = d?.finish_reason ?? finish;
      last = chunk.usage ?? last;
    }
    return { text, role, finish, usage: usage(last), several: chunks > 5 };
  };
  cases[`stream without usage/${name}`] = async () => {
    let usages = 0, empty = 0, text = '';
    for await (const chunk of await create({ messages: [user('friend')], stream: true })) {
      usages += chunk.usage ? 1 : 0;
      empty += chunk.choices.length ? 0 : 1;
      text += chunk.choices[0]?.delta.content ?? '';
    }
    return { text, usages, empty };
  };
  cases[`tools/${name}`] = async () => {
    const messages = [user('How is the weather?')];
    const c = await create({ messages, tools, parallel_tool_calls: true });
    const m = c.choices[0].message;
    messages.push(m, ...m.tool_calls.map((t, i) => ({ role: 'tool', tool_call_id: t.id, content: `${18 - i} degrees` })));
    const after = await create({ messages, tools });
    return { calls: calls(m), finish: c.choices[0].finish_reason, text: after.choices[0].message.content, then: after.choices[0].finish_reason };
  };
  cases[`tools streamed/${name}`] = async () => {
    const stream = client.chat.completions.stream({ model, messages: [user('How is the weather?')], tools });
    const c = await stream.finalChatCompletion();
    return { calls: calls(c.choices[0].message), finish: c.choices[0].finish_reason };
  };
  cases[`schema/${name}`] = async () => {
    const c = await client.chat.completions.parse({ model, messages: [user('Who?')], response_format: zodResponseFormat(Person, 'person') });
    return c.choices[0].message.parsed;
  };
  cases[`picture/${name}`] = async () => {
    const c = await create({ messages: [user([{ type: 'text', text: 'What is it?' }, { type: 'image_url', image_url: { url: `data:image/png;base64,${picture}` } }])] });
    return c.choices[0].message.content;
  };
  cases[`reasoning/${name}`] = async () => {
    const c = await create({ messages: [user('friend')], reasoning_effort: 'low' });
    return { think: c.choices[0].message.reasoning_content, text: c.choices[0].message.content };
  };
  cases[`too much/${name}`] = async () => error(await thrown(() => create({ messages: [user('too much')] })));
  cases[`too much streamed/${name}`] = async () => error(await thrown(() => create({ messages: [user('too much')], stream: true })));
  cases[`abort/${name}`] = async () => {
    const gone = new AbortController();
    let n = 0;
    for await (const _ of await create({ messages: [user('slow')], stream: true }, { signal: gone.signal })) {
      if (++n === 5) gone.abort();
    }
    return n >= 5;
  };

  cases[`responses/${name}`] = async () => {
    const r = await respond({ input: 'friend', instructions: 'Well.' });
    return { object: r.object, model: r.model, status: r.status, text: r.output_text, usage: used(r.usage) };
  };
  cases[`responses streamed/${name}`] = async () => {
    let text = '', seen = {}, last = -1, ordered = true;
    const stream = client.responses.stream({ model, input: 'friend' });
    for await (const e of stream) {
      seen[e.type] = true;
      ordered &&= e.sequence_number > last;
      last = e.sequence_number;
      if (e.type === 'response.output_text.delta') text += e.delta;
    }
    const r = await stream.finalResponse();
    return { text, whole: r.output_text, status: r.status, usage: used(r.usage), ordered, seen: Object.keys(seen).sort() };
  };
  cases[`responses tools/${name}`] = async () => {
    const input = [user('How is the weather?')];
    const r = await respond({ input, tools: flat });
    const asked = r.output.filter((o) => o.type === 'function_call');
    input.push(...r.output, ...asked.map((c, i) => ({ type: 'function_call_output', call_id: c.call_id, output: `${18 - i} degrees` })));
    const after = await respond({ input, tools: flat });
    return { calls: functions(r), text: after.output_text };
  };
  cases[`responses tools streamed/${name}`] = async () => {
    const r = await client.responses.stream({ model, input: 'How is the weather?', tools: flat }).finalResponse();
    return functions(r);
  };
  cases[`responses schema/${name}`] = async () => {
    const r = await client.responses.parse({ model, input: 'Who?', text: { format: zodTextFormat(Person, 'person') } });
    return r.output_parsed;
  };
  cases[`responses picture/${name}`] = async () => {
    const r = await respond({ input: [user([{ type: 'input_text', text: 'What is it?' }, { type: 'input_image', detail: 'auto', image_url: `data:image/png;base64,${picture}` }])] });
    return r.output_text;
  };
  cases[`responses reasoning/${name}`] = async () => {
    const r = await respond({ input: 'friend', reasoning: { effort: 'low', summary: 'auto' } });
    return { think: r.output.filter((o) => o.type === 'reasoning').flatMap((o) => [...o.summary, ...(o.content ?? [])].map((s) => s.text)).join(''), text: r.output_text };
  };
  cases[`silent/${name}`] = async () => {
    const raw = await (await create({ messages: [user('silent')], stream: true }).asResponse()).text();
    let text = '';
    for await (const chunk of await create({ messages: [user('silent')], stream: true })) text += chunk.choices[0]?.delta.content ?? '';
    return { shown: /^:/m.test(raw), text };
  };
  cases[`responses silent/${name}`] = async () => {
    const raw = await (await respond({ input: 'silent', stream: true }).asResponse()).text();
    const r = await client.responses.stream({ model, input: 'silent' }).finalResponse();
    return { shown: /^:/m.test(raw), text: r.output_text };
  };
  cases[`compaction/${name}`] = async () => {
    try {
      const r = await client.responses.compact({ model, input: [user('friend'), { role: 'assistant', content: 'Hello.' }] });
      return { object: r.object, kept: r.output.map((o) => o.type), usage: used(r.usage) };
    } catch (e) {
      return error(e);
    }
  };
  cases[`responses abort/${name}`] = async () => {
    const gone = new AbortController();
    let n = 0;
    for await (const _ of await respond({ input: 'slow', stream: true }, { signal: gone.signal })) {
      if (++n === 8) gone.abort();
    }
    return n >= 8;
  };
}

const { chat, responses } = at.models;
const ask = (c, model, more) => c.chat.completions.create({ model, messages: [user('friend')], ...more });
Object.assign(cases, {
  'log-probabilities': async () => {
    const c = await ask(client, chat, { logprobs: true, top_logprobs: 1 });
    const all = c.choices[0].logprobs.content;
    return { text: all.map((t) => t.token).join(''), each: all[0].logprob, top: all[0].top_logprobs.length };
  },
  'unknown members': async () => (await ask(client, chat, { x_unknown: { deep: [1, 'two', null] } })).x_echo,
  'unknown members streamed': async () => {
    const seen = [];
    for await (const chunk of await ask(client, chat, { stream: true, x_unknown: 'kept' })) seen.push(chunk.x_echo);
    return [...new Set(seen)];
  },
  'unknown members of responses': async () => (await client.responses.create({ model: responses, input: 'friend', x_unknown: { deep: true } })).x_echo,
  'embeddings': async () => {
    const e = await client.embeddings.create({ model: 'embed', input: ['a', 'four'] });
    return { vectors: e.data.map((d) => Array.from(d.embedding)), tokens: e.usage.total_tokens, model: e.model };
  },
  'embeddings as floats': async () => (await client.embeddings.create({ model: 'embed', input: 'a', encoding_format: 'float' })).data[0].embedding,
  'models': async () => {
    const ids = [];
    for await (const m of client.models.list()) ids.push(m.id);
    return Object.values(at.models).every((m) => ids.includes(m));
  },
  'model': async () => {
    const m = await client.models.retrieve(chat);
    return { id: m.id, object: m.object };
  },
  'no such model to look at': async () => error(await thrown(() => client.models.retrieve('nothing'))),
  'no such model': async () => error(await thrown(() => ask(client, 'nothing'))),
  'no such key': async () => error(await thrown(() => ask(client.withOptions({ apiKey: 'sk-none' }), chat))),
  'key that may not': async () => error(await thrown(() => ask(client.withOptions({ apiKey: at.sight }), chat))),
  'nonsense': async () => error(await thrown(() => client.chat.completions.create({ model: 5, messages: [] }))),
  'no credits': async () => error(await thrown(() => ask(client, 'dear', { max_completion_tokens: 100000 }))),
  'rate': async () => error(await thrown(() => ask(client.withOptions({ maxRetries: 0 }), 'limited'))),
  'trouble': async () => error(await thrown(() => ask(client.withOptions({ maxRetries: 0 }), 'broken'))),
});
await run(cases);

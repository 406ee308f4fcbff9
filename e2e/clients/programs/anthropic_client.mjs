import Anthropic from '@anthropic-ai/sdk';
import { at, picture, run, thrown } from './run.mjs';

const client = new Anthropic({ baseURL: at.url, apiKey: at.key });
const tools = [{ name: 'get_weather', description: 'The weather', input_schema: { type: 'object', properties: { location: { type: 'string' } }, required: ['location'] } }];
const user = (content) => ({ role: 'user', content });
const words = (m) => m.content.filter((b) => b.type === 'text').map((b) => b.text).join('');
const usage = (u) => [u.input_tokens, u.cache_read_input_tokens, u.output_tokens];
const calls = (m) => m.content.filter((b) => b.type === 'tool_use').map((b) => [b.name, b.input]);
const error = (e) => ({ type: e.constructor.name, status: e.status, named: e.error?.error?.type ?? null, id: /^req_/.test(e.requestID), wait: Number(e.headers.get('retry-after')) > 0 });

const cases = {};
for (const [name, model] of Object.entries(at.models)) {
  const create = (more, o) => client.messages.create({ model, max_tokens: 500, ...more }, o);

  cases[`message/${name}`] = async () => {
    const m = await create({ system: 'Well.', messages: [user('friend')] });
    return { type: m.type, role: m.role, model: m.model, text: words(m), stop: m.stop_reason, usage: usage(m.usage), id: /^req_/.test(m._request_id) };
  };
  cases[`system in blocks/${name}`] = async () => {
    const system = [{ type: 'text', text: 'Well.', cache_control: { type: 'ephemeral' } }];
    return words(await create({ system, messages: [user([{ type: 'text', text: 'friend' }])] }));
  };
  cases[`stream/${name}`] = async () => {
    const seen = {};
    let text = '';
    const stream = client.messages.stream({ model, max_tokens: 500, messages: [user('friend')] });
    stream.on('text', (t) => { text += t; });
    for await (const e of stream) seen[e.type] = true;
    const m = await stream.finalMessage();
    delete seen.ping;
    return { text, whole: words(m), stop: m.stop_reason, usage: usage(m.usage), seen: Object.keys(seen).sort() };
  };
  cases[`tools/${name}`] = async () => {
    const messages = [user('How is the weather?')];
    const m = await create({ messages, tools });
    const made = m.content.filter((b) => b.type === 'tool_use');
    messages.push({ role: 'assistant', content: m.content }, user(made.map((b, i) => ({ type: 'tool_result', tool_use_id: b.id, content: `${18 - i} degrees` }))));
    const after = await create({ messages, tools });
    return { calls: calls(m), stop: m.stop_reason, text: words(after), then: after.stop_reason };
  };
  cases[`tools streamed/${name}`] = async () => {
    const content = []; // as each block ends
    const stream = client.messages.stream({ model, max_tokens: 500, messages: [user('How is the weather?')], tools });
    stream.on('contentBlock', (b) => content.push(b));
    const m = await stream.finalMessage();
    return { calls: calls({ content }), stop: m.stop_reason };
  };
  cases[`schema/${name}`] = async () => {
    const schema = { type: 'object', properties: { name: { type: 'string' }, age: { type: 'integer' } }, required: ['name', 'age'], additionalProperties: false };
    return JSON.parse(words(await create({ messages: [user('Who?')], output_config: { format: { type: 'json_schema', schema } } })));
  };
  cases[`picture/${name}`] = async () => words(await create({
    messages: [user([{ type: 'text', text: 'What is it?' }, { type: 'image', source: { type: 'base64', media_type: 'image/png', data: picture } }])],
  }));
  cases[`thinking/${name}`] = async () => {
    const m = await create({ max_tokens: 4000, thinking: { type: 'enabled', budget_tokens: 1024 }, messages: [user('friend')] });
    return { think: m.content.filter((b) => b.type === 'thinking').map((b) => b.thinking).join(''), text: words(m) };
  };
  cases[`too much/${name}`] = async () => error(await thrown(() => create({ messages: [user('too much')] })));
  cases[`too much streamed/${name}`] = async () => error(await thrown(() => create({ messages: [user('too much')], stream: true })));
  cases[`silent/${name}`] = async () => {
    const raw = await (await create({ messages: [user('silent')], stream: true }).asResponse()).text();
    const m = await client.messages.stream({ model, max_tokens: 500, messages: [user('silent')] }).finalMessage();
    return { shown: /^:/m.test(raw), text: words(m) };
  };
  cases[`abort/${name}`] = async () => {
    let n = 0;
    const stream = await create({ messages: [user('slow')], stream: true });
    for await (const _ of stream) {
      if (++n === 8) stream.controller.abort();
    }
    return n >= 8;
  };
}

const { messages } = at.models;
const ask = (c, model, more) => c.messages.create({ model, max_tokens: 500, messages: [user('friend')], ...more });
Object.assign(cases, {
  'unknown members': async () => (await ask(client, messages, { x_unknown: { deep: [1, 'two', null] } })).x_echo,
  'tokens': async () => (await client.messages.countTokens({ model: messages, messages: [user('friend')] })).input_tokens,
  'models': async () => {
    const ids = [];
    for await (const m of client.models.list()) ids.push(m.id);
    return Object.values(at.models).every((m) => ids.includes(m));
  },
  'model': async () => {
    const m = await client.models.retrieve(messages);
    return { id: m.id, type: m.type, name: m.display_name };
  },
  'no such model': async () => error(await thrown(() => ask(client, 'nothing'))),
  'no such key': async () => error(await thrown(() => ask(client.withOptions({ apiKey: 'sk-none' }), messages))),
  'key that may not': async () => error(await thrown(() => ask(client.withOptions({ apiKey: at.sight }), messages))),
  'key as a token': async () => words(await ask(new Anthropic({ baseURL: at.url, apiKey: null, authToken: at.key }), messages)),
  'nonsense': async () => error(await thrown(() => client.messages.create({ model: 5, max_tokens: 5, messages: [] }))),
  'no credits': async () => error(await thrown(() => ask(client, 'dear', { max_tokens: 16000 }))),
  'rate': async () => error(await thrown(() => ask(client.withOptions({ maxRetries: 0 }), 'limited'))),
  'trouble': async () => error(await thrown(() => ask(client.withOptions({ maxRetries: 0 }), 'broken'))),
});
await run(cases);

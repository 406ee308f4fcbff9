import { createOpenAICompatible } from '@ai-sdk/openai-compatible';
import { APICallError, embedMany, generateText, jsonSchema, Output, stepCountIs, streamText, tool } from 'ai';
import { at, picture, run, thrown } from './run.mjs';

const provider = createOpenAICompatible({ name: 'isekai', baseURL: `${at.url}/v1`, apiKey: at.key, includeUsage: true, supportsStructuredOutputs: true });
const usage = (u) => [u.inputTokens, u.inputTokenDetails?.cacheReadTokens ?? null, u.outputTokens, u.totalTokens];
const tools = {
  get_weather: tool({
    description: 'The weather',
    inputSchema: jsonSchema({ type: 'object', properties: { location: { type: 'string' } }, required: ['location'], additionalProperties: false }),
    execute: async ({ location }) => `${location === 'Paris' ? 18 : 17} degrees`,
  }),
};
const person = Output.object({
  schema: jsonSchema({ type: 'object', properties: { name: { type: 'string' }, age: { type: 'number' } }, required: ['name', 'age'], additionalProperties: false }),
});
const error = (e) => ({ call: APICallError.isInstance(e), status: e.statusCode, retried: e.isRetryable, message: typeof e.message === 'string' && e.message.length > 10 });

const cases = {};
for (const [name, id] of Object.entries(at.models)) {
  const model = provider(id);
  cases[`text/${name}`] = async () => {
    const r = await generateText({ model, instructions: 'Well.', prompt: 'friend' });
    return { text: r.text, finish: r.finishReason, usage: usage(r.usage), model: r.response.modelId };
  };
  cases[`stream/${name}`] = async () => {
    const r = streamText({ model, prompt: 'friend' });
    let text = '', n = 0;
    for await (const t of r.textStream) {
      text += t;
      n++;
    }
    return { text, finish: await r.finishReason, usage: usage(await r.usage), several: n > 3 };
  };
  cases[`tools in steps/${name}`] = async () => {
    const r = await generateText({ model, prompt: 'How is the weather?', tools, stopWhen: stepCountIs(3) });
    return { calls: r.steps[0].toolCalls.map((c) => [c.toolName, c.input]), steps: r.steps.length, text: r.text };
  };
  cases[`tools in steps streamed/${name}`] = async () => {
    const r = streamText({ model, prompt: 'How is the weather?', tools, stopWhen: stepCountIs(3) });
    await r.consumeStream();
    const steps = await r.steps;
    return { calls: steps[0].toolCalls.map((c) => [c.toolName, c.input]), steps: steps.length, text: await r.text };
  };
  cases[`schema/${name}`] = async () => (await generateText({ model, prompt: 'Who?', output: person })).output;
  cases[`picture/${name}`] = async () => (await generateText({
    model, messages: [{ role: 'user', content: [{ type: 'text', text: 'What is it?' }, { type: 'image', image: picture, mediaType: 'image/png' }] }],
  })).text;
  cases[`reasoning/${name}`] = async () => {
    const r = await generateText({ model, prompt: 'friend', providerOptions: { isekai: { reasoningEffort: 'low' } } });
    return { think: r.reasoningText, text: r.text };
  };
  cases[`reasoning streamed/${name}`] = async () => {
    const r = streamText({ model, prompt: 'friend', providerOptions: { isekai: { reasoningEffort: 'low' } } });
    await r.consumeStream();
    return { think: await r.reasoningText, text: await r.text };
  };
  cases[`abort/${name}`] = async () => {
    const gone = new AbortController();
    let n = 0;
    for await (const _ of streamText({ model, prompt: 'slow', abortSignal: gone.signal }).textStream) {
      if (++n === 5) gone.abort();
    }
    return n >= 5;
  };
  cases[`too much/${name}`] = async () => error(await thrown(() => generateText({ model, prompt: 'too much' })));
}

const ask = (of, id, more) => generateText({ model: of(id), prompt: 'friend', maxRetries: 0, ...more });
const keyed = (apiKey) => createOpenAICompatible({ name: 'isekai', baseURL: `${at.url}/v1`, apiKey });
Object.assign(cases, {
  'embeddings': async () => {
    const e = await embedMany({ model: provider.embeddingModel('embed'), values: ['a', 'four'] });
    return { vectors: e.embeddings, tokens: e.usage.tokens };
  },
  'unknown members': async () => {
    const metadataExtractor = { extractMetadata: async ({ parsedBody }) => ({ isekai: { echo: parsedBody.x_echo } }) };
    const of = createOpenAICompatible({ name: 'isekai', baseURL: `${at.url}/v1`, apiKey: at.key, metadataExtractor });
    const r = await ask(of, at.models.chat, { providerOptions: { isekai: { x_unknown: 'kept' } } });
    return r.providerMetadata.isekai.echo;
  },
  'no such model': async () => error(await thrown(() => ask(provider, 'nothing'))),
  'no such key': async () => error(await thrown(() => ask(keyed('sk-none'), at.models.chat))),
  'key that may not': async () => error(await thrown(() => ask(keyed(at.sight), at.models.chat))),
  'no credits': async () => error(await thrown(() => ask(provider, 'dear', { maxOutputTokens: 100000 }))),
  'rate': async () => error(await thrown(() => ask(provider, 'limited'))),
  'trouble': async () => error(await thrown(() => ask(provider, 'broken'))),
});
await run(cases);

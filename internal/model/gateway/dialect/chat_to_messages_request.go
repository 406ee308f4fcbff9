package dialect

import (
	"encoding/json"
)

// chatToMessages translates a request of OpenAI's chat completions for a provider that speaks
// Anthropic's messages.
//
// Left out, because it changes nothing that a caller could rely on: seed (best effort by its own
// document), store, metadata, prediction, stream_options.include_obfuscation and what is about
// caching (prompt_cache_key, prompt_cache_retention, prompt_cache_options, cache_control); the
// name of a message's author and an image's detail, as Anthropic's own chat surface does; the
// name, description and strictness of a schema that the answer is to have (it is always strict
// there); that reasoning is to be told, as it is anyway; what LiteLLM notes on a message (provider_specific_fields); reasoning_content without a signature, which Anthropic can't check;
// while the model is to think, temperature, and a top_p below 0.95, which Anthropic refuses then. Members that have
// the value which is their default say nothing, and neither do those that are null.
//
// Said otherwise: system and developer messages become the one system prompt, in their order;
// temperatures over 1 become 1, which is the highest there is, as Anthropic's chat surface has
// it; max_tokens must be said there, so that it is DefaultMaxTokens if it isn't here.
func chatToMessages(r Request, model string) (leg, error) {
	in, err := take[chatRequest](r.Body, "", chatUnsaid())
	if err != nil {
		return leg{}, err
	}
	out := msgRequest{Model: model, MaxTokens: in.MaxCompletionTokens, Stream: in.Stream, TopP: in.TopP}
	if out.MaxTokens == nil {
		out.MaxTokens = in.MaxTokens
	}
	if out.MaxTokens == nil {
		n := DefaultMaxTokens(model)
		out.MaxTokens = &n
	}
	if out.Temperature, err = coolTemperature(in.Temperature); err != nil {
		return leg{}, err
	}
	if out.StopSequences, err = stopSequences(in.Stop); err != nil {
		return leg{}, err
	}
	if out.ServiceTier, err = anthropicTier(in.ServiceTier); err != nil {
		return leg{}, err
	}
	if user := in.SafetyIdentifier; user != "" || in.User != "" {
		if user == "" {
			user = in.User
		}
		out.Metadata = &msgMetadata{UserID: user}
	}
	if out.OutputConfig, err = outputFormat(in.ResponseFormat); err != nil {
		return leg{}, err
	}
	thinks, err := in.thinks()
	if err != nil {
		return leg{}, err
	}
	if err := out.think(thinks.Effort); err != nil {
		return leg{}, err
	}
	if err := out.takeTools(in); err != nil {
		return leg{}, err
	}
	if err := out.takeMessages(in.Messages); err != nil {
		return leg{}, err
	}
	out.unsample()
	return leg{
		body:   encode(out),
		answer: messagesAnswerToChat,
		stream: func(created int64) machine { return &messagesStreamToChat{created: created, usage: r.Usage} },
	}, nil
}

// chatUnsaid lists the members of a chat request that Anthropic's messages have no word for.
func chatUnsaid() unsaid {
	return unsaid{
		drop: []string{"seed", "store", "metadata", "prediction", "prompt_cache_key", "prompt_cache_retention", "prompt_cache_options", "cache_control"},
		defaults: map[string]string{
			"n": "1", "logprobs": "false", "top_logprobs": "0", "logit_bias": "{}", "frequency_penalty": "0", "presence_penalty": "0",
			"modalities": `["text"]`, "verbosity": `"medium"`, "functions": "[]", "function_call": `"auto"`,
		},
		hints: map[string]string{
			"n":             "ask for one choice at a time",
			"functions":     "use tools, which have taken its place",
			"function_call": "use tool_choice, which has taken its place",
			"verbosity":     "say in the prompt how long the answer may be",
		},
	}
}

// coolTemperature returns a temperature as Anthropic has them, from 0 to 1.
func coolTemperature(t *float64) (*float64, error) {
	if t == nil || *t >= 0 && *t <= 1 {
		return t, nil
	}
	if *t < 0 || *t > 2 {
		return nil, wrong("temperature", "isn't from 0 to 2")
	}
	highest := 1.0
	return &highest, nil
}

// stopSequences reads a string or a list of strings.
func stopSequences(raw json.RawMessage) ([]string, error) {
	if absent(raw) {
		return nil, nil
	}
	var one string
	if json.Unmarshal(raw, &one) == nil {
		return []string{one}, nil
	}
	var list []string
	if json.Unmarshal(raw, &list) != nil {
		return nil, wrong("stop", "is neither a string nor a list of strings")
	}
	return list, nil
}

// anthropicTier returns the service tier that means the same: OpenAI's priority is what
// Anthropic's auto takes where it is to be had.
func anthropicTier(tier string) (string, error) {
	switch tier {
	case "", "auto":
		return tier, nil
	case "priority":
		return "auto", nil
	case "default":
		return "standard_only", nil
	}
	return "", refuse("service_tier", "say auto, default or priority")
}

// outputFormat returns the form that an answer is to have. It is Anthropic's own (output_config),
// which every model since Claude 4.5 has, also together with tools and while thinking. A forced
// call of a tool, as was usual before, is what models since Claude 5.5 refuse.
func outputFormat(f *chatFormat) (*msgOutputConfig, error) {
	switch {
	case f == nil || f.Type == "text":
		return nil, nil
	case f.Type != "json_schema":
		return nil, refuse("response_format.type", "say json_schema with a schema; Anthropic has no form for JSON of any shape")
	case f.JSONSchema == nil || absent(f.JSONSchema.Schema):
		return nil, wrong("response_format.json_schema", "has no schema")
	}
	return &msgOutputConfig{Format: &msgFormat{Type: "json_schema", Schema: f.JSONSchema.Schema}}, nil
}

package dialect

import "strings"

// liveItem is an item of a response that is being streamed.
type liveItem struct {
	respItem
	place    int               // in the output
	parts    []respPart        // those that are done
	kind     string            // of the part that is being said; "": none is
	text     strings.Builder   // of that part, or a call's arguments
	summary  bool              // reasoning: it is told as its summary
	details  []reasoningDetail // reasoning: what its provider wants back
	serverID string            // a call: its id as the server says it, if it does
	status   string            // once it has ended: completed or incomplete
}

// item returns the item as it is so far.
func (it *liveItem) item(status string) *respItem {
	parts := append([]respPart{}, it.parts...)
	if it.kind != "" {
		parts = append(parts, it.part(it.text.String()))
	}
	r := it.respItem
	switch r.Type {
	case "message":
		r.Role, r.Content = "assistant", &parts
	case "reasoning":
		r = thought(r.ID, "", it.summary, it.details)
		if it.summary {
			r.Summary = &parts
		} else {
			r.Content = &parts
		}
	case "function_call":
		arguments := it.text.String()
		r.Arguments = &arguments
	}
	r.Status = status
	return &r
}

// part returns the part that is being said, with that text.
func (it *liveItem) part(text string) respPart {
	switch it.kind {
	case "output_text":
		return outputText(text)
	case "refusal":
		return respPart{Type: it.kind, Refusal: &text}
	}
	return respPart{Type: it.kind, Text: &text}
}

// beginPart begins a part of that kind.
func (it *liveItem) beginPart(kind string) respEvent {
	it.kind = kind
	empty := it.part("")
	e := it.about(it.partEvent() + ".added")
	e.Part = &empty
	return e
}

// write appends to the part that is being said, or to a call's arguments.
func (it *liveItem) write(text string) respEvent {
	it.text.WriteString(text)
	e := it.about(it.textEvent() + ".delta")
	e.Delta = &text
	return e
}

// endPart ends the part that is being said, if one is.
func (it *liveItem) endPart() []respEvent {
	if it.kind == "" {
		return nil
	}
	text := it.text.String()
	said, ended := it.about(it.textEvent()+".done"), it.about(it.partEvent()+".done")
	if it.kind == "refusal" {
		said.Refusal = &text
	} else {
		said.Text = &text
	}
	part := it.part(text)
	ended.Part = &part
	it.parts, it.kind = append(it.parts, part), ""
	it.text.Reset()
	return []respEvent{said, ended}
}

// end ends the item with that status.
func (it *liveItem) end(status string) []respEvent {
	out := it.endPart()
	if it.Type == "function_call" {
		e, arguments := it.about(it.textEvent()+".done"), it.text.String()
		e.Name, e.Arguments = it.Name, &arguments
		out = append(out, e)
	}
	it.status = status
	return append(out, respEvent{Type: "response.output_item.done", OutputIndex: &it.place, Item: it.item(status)})
}

// about returns an event about the item, and the part of it that is being said.
func (it *liveItem) about(event string) respEvent {
	e := respEvent{Type: event, ItemID: it.ID, OutputIndex: &it.place}
	at := len(it.parts)
	switch it.kind {
	case "":
	case "summary_text":
		e.SummaryIndex = &at
	case "output_text":
		e.ContentIndex = &at
		if strings.HasPrefix(event, "response.output_text") {
			e.Logprobs = &[]struct{}{}
		}
	default:
		e.ContentIndex = &at
	}
	return e
}

// textEvent is what events about the text that is being said are called.
func (it *liveItem) textEvent() string {
	switch it.kind {
	case "":
		return "response.function_call_arguments"
	case "summary_text":
		return "response.reasoning_summary_text"
	}
	return "response." + it.kind
}

// partEvent is what events about the part that is being said are called.
func (it *liveItem) partEvent() string {
	if it.kind == "summary_text" {
		return "response.reasoning_summary_part"
	}
	return "response.content_part"
}

package dialect

import (
	"encoding/base64"
	"encoding/json"
	"slices"
	"strings"
	"unicode/utf8"
)

func textBlock(s string) msgBlock { return msgBlock{Type: "text", Text: &s} }

// blocksOrText writes blocks as the string that one block of text is short for, if it is that.
func blocksOrText(blocks []msgBlock) json.RawMessage {
	if len(blocks) == 1 && blocks[0].Type == "text" {
		return encode(*blocks[0].Text)
	}
	return encode(blocks)
}

// blocksOf translates a chat message's content. Empty text is left out, as Anthropic takes none.
func blocksOf(raw json.RawMessage, path string) ([]msgBlock, error) {
	blocks, err := contentOf(raw, path, textBlock, func(raw json.RawMessage, at string) (msgBlock, error) {
		p, err := take[chatPart](raw, at, unsaid{drop: []string{"cache_control", "prompt_cache_breakpoint"}})
		if err != nil {
			return msgBlock{}, err
		}
		return p.block(at)
	})
	return slices.DeleteFunc(blocks, func(b msgBlock) bool { return b.Type == "text" && *b.Text == "" }), err
}

// block translates a part.
func (p chatPart) block(path string) (msgBlock, error) {
	switch {
	case p.Type == "text":
		return textBlock(p.Text), nil
	case p.Type == "refusal":
		return textBlock(p.Refusal), nil
	case p.Type == "image_url" && p.ImageURL != nil:
		s, err := imageSource(p.ImageURL.URL, join(path, "image_url.url"))
		return msgBlock{Type: "image", Source: s}, err
	case p.Type == "file" && p.File != nil:
		return p.File.block(join(path, "file"))
	case p.Type == "image_url" || p.Type == "file":
		return msgBlock{}, wrong(join(path, p.Type), "is missing")
	}
	return msgBlock{}, refuse(join(path, "type"), "the parts are text, image_url and file")
}

// imageSource translates an image's URL.
func imageSource(url, path string) (*msgSource, error) {
	if strings.HasPrefix(url, "https://") || strings.HasPrefix(url, "http://") {
		return &msgSource{Type: "url", URL: url}, nil
	}
	media, data, ok := cutDataURL(url)
	if !ok {
		return nil, wrong(path, "is neither an http URL nor a base64 data: URL")
	}
	return &msgSource{Type: "base64", MediaType: media, Data: data}, nil
}

// block translates a file: PDF and plain text are what Anthropic's documents are.
func (f chatFile) block(path string) (msgBlock, error) {
	if f.FileID != "" {
		return msgBlock{}, refuse(join(path, "file_id"), "send the file itself as file_data: the provider doesn't have OpenAI's files")
	}
	media, data, ok := cutDataURL(f.FileData)
	if !ok {
		return msgBlock{}, wrong(join(path, "file_data"), "isn't a base64 data: URL")
	}
	b := msgBlock{Type: "document", Title: f.Filename}
	switch media {
	case "application/pdf":
		b.Source = &msgSource{Type: "base64", MediaType: media, Data: data}
	case "text/plain":
		text, err := base64.StdEncoding.DecodeString(data)
		if err != nil || !utf8.Valid(text) {
			return msgBlock{}, wrong(join(path, "file_data"), "isn't UTF-8 in base64")
		}
		b.Source = &msgSource{Type: "text", MediaType: media, Data: string(text)}
	default:
		return msgBlock{}, refuse(join(path, "file_data"), "files can be PDF or plain text")
	}
	return b, nil
}

// cutDataURL takes a base64 data: URL (RFC 2397) apart.
func cutDataURL(url string) (media, data string, ok bool) {
	rest, ok := strings.CutPrefix(url, "data:")
	if !ok {
		return "", "", false
	}
	head, data, ok := strings.Cut(rest, ",")
	if !ok {
		return "", "", false
	}
	media, ok = strings.CutSuffix(head, ";base64")
	media, _, _ = strings.Cut(media, ";")
	return strings.ToLower(media), data, ok
}

//go:build linux

package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"
)

const roleUpstream = "upstream"

// What the upstream says that it has read and written for each answer.
const (
	inputTokens  = 100
	outputTokens = 200
)

var usage = fmt.Sprintf(`"usage":{"prompt_tokens":%d,"completion_tokens":%d,"total_tokens":%d}`, inputTokens, outputTokens, inputTokens+outputTokens)

// answer is what the upstream says when it says it at once: 1 KiB, with usage.
var answer = `{"id":"chatcmpl-bench","object":"chat.completion","created":1760000000,"model":"bench","choices":[{"index":0,"message":` +
	`{"role":"assistant","content":"` + strings.Repeat("a word and ", 75) + `"},"logprobs":null,"finish_reason":"stop"}],` + usage + "}"

const modelList = `{"object":"list","data":[{"id":"bench","object":"model","created":1760000000,"owned_by":"bench"}]}`

// serveUpstream plays a provider of chat completions. A request's max_tokens says of how
// many chunks its stream is, and its seed how many milliseconds pass before each. It writes
// HTTP by hand: what the upstream costs is taken from all that are measured.
func serveUpstream(address string) error {
	l, err := net.Listen("tcp", address)
	if err != nil {
		return err
	}
	for {
		conn, err := l.Accept()
		if err != nil {
			return err
		}
		go func() {
			defer conn.Close()
			in := bufio.NewReader(conn)
			for {
				if serveOne(in, conn) != nil {
					return // the other side has gone
				}
			}
		}()
	}
}

// wanted is what the upstream reads of a request.
type wanted struct {
	Stream bool `json:"stream"`
	Chunks int  `json:"max_tokens"`
	Millis int  `json:"seed"`
	Usage  struct {
		Include bool `json:"include_usage"`
	} `json:"stream_options"`
}

// streamed is found sooner than a body is decoded.
var streamed = regexp.MustCompile(`"stream": ?true`)

func serveOne(in *bufio.Reader, out io.Writer) error {
	req, err := http.ReadRequest(in)
	if err != nil {
		return err
	}
	body, err := io.ReadAll(req.Body)
	if err != nil {
		return err
	}
	if req.Method != http.MethodPost {
		return whole(out, modelList)
	}
	if !streamed.Match(body) {
		return whole(out, answer)
	}
	var w wanted
	if err := json.Unmarshal(body, &w); err != nil {
		return err
	}
	return stream(out, w)
}

func whole(out io.Writer, body string) error {
	_, err := io.WriteString(out, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: "+strconv.Itoa(len(body))+"\r\n\r\n"+body)
	return err
}

// stream writes each chunk by itself, as a model says it.
func stream(out io.Writer, w wanted) error {
	pause := time.Duration(w.Millis) * time.Millisecond
	lead := "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
	for i := range w.Chunks {
		time.Sleep(pause)
		end := "null"
		if i == w.Chunks-1 {
			end = `"stop"`
		}
		if _, err := io.WriteString(out, lead+frame(`"choices":[{"index":0,"delta":{"role":"assistant","content":"a word "},"finish_reason":`+end+`}]`)); err != nil {
			return err
		}
		lead = ""
	}
	last := ""
	if w.Usage.Include {
		last = frame(`"choices":[],` + usage)
	}
	const done = "data: [DONE]\n\n"
	_, err := fmt.Fprintf(out, "%s%x\r\n%s\r\n0\r\n\r\n", last, len(done), done)
	return err
}

// frame is a server-sent event as a chunk of HTTP.
func frame(members string) string {
	event := `data: {"id":"chatcmpl-bench","object":"chat.completion.chunk","created":1760000000,"model":"bench",` + members + "}\n\n"
	return strconv.FormatInt(int64(len(event)), 16) + "\r\n" + event + "\r\n"
}

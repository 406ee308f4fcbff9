package encoder

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"io/fs"
	"math"
	"os"

	"github.com/isekai-run/isekai/internal/core"
)

// tensors is a file of tensors: eight bytes that say how long a JSON text is that says where which
// tensor is, that text, and the tensors (https://github.com/huggingface/safetensors).
type tensors struct {
	*os.File
	data   int64 // where the first begins
	size   int64
	places map[string]place
}

type place struct {
	Type  string   `json:"dtype"`
	Shape []int    `json:"shape"`
	At    [2]int64 `json:"data_offsets"`
}

const weights = "model.safetensors"

func openTensors(root *os.Root) (*tensors, error) {
	f, err := root.Open(weights)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, core.E(core.NotFound, op, "the folder has no "+weights).WithHint(folderHint)
	}
	if err != nil {
		return nil, core.E(core.Unavailable, op, weights+" can't be read").Because(err)
	}
	t := &tensors{File: f, places: map[string]place{}}
	if err := t.readHeader(); err != nil {
		_ = f.Close()
		return nil, unsupported("its " + weights + " can't be read").Because(err)
	}
	return t, nil
}

func (t *tensors) readHeader() error {
	info, err := t.Stat()
	if err != nil {
		return err
	}
	var head [8]byte
	if _, err := t.ReadAt(head[:], 0); err != nil {
		return err
	}
	n := binary.LittleEndian.Uint64(head[:])
	if n > maxJSON || int64(n) > info.Size()-8 {
		return errors.New("its header is longer than it")
	}
	text := make([]byte, n)
	if _, err := t.ReadAt(text, 8); err != nil {
		return err
	}
	var all map[string]json.RawMessage
	if err := json.Unmarshal(text, &all); err != nil {
		return err
	}
	for name, raw := range all {
		if name == "__metadata__" {
			continue
		}
		var p place
		if err := json.Unmarshal(raw, &p); err != nil {
			return err
		}
		t.places[name] = p
	}
	t.data, t.size = 8+int64(n), info.Size()
	return nil
}

// width is how many bytes a number of a type has; 0: it isn't read.
func width(kind string) int64 {
	switch kind {
	case "F32":
		return 4
	case "F16", "BF16":
		return 2
	}
	return 0
}

// find returns where a tensor of a shape is: its type, and its first byte.
func (t *tensors) find(name string, shape ...int) (kind string, at int64, err error) {
	p, there := t.places[name]
	if !there { // some have all of it in a part of its own
		p, there = t.places["bert."+name]
	}
	numbers, same := int64(1), there && len(p.Shape) == len(shape)
	for i, n := range shape {
		same = same && p.Shape[i] == n
		numbers *= int64(n)
	}
	w := width(p.Type)
	switch {
	case !same:
		return "", 0, unsupported("it has no tensor " + name + " of the shape that its config.json says")
	case w == 0:
		return "", 0, unsupported("its numbers are " + p.Type[:min(len(p.Type), 20)] + "; F32, F16 and BF16 are read")
	case p.At[0] < 0 || p.At[1]-p.At[0] != numbers*w || p.At[1] > t.size-t.data || numbers > maxTensor:
		return "", 0, unsupported("its tensor " + name + " isn't all there")
	}
	return p.Type, t.data + p.At[0], nil
}

// read returns a tensor.
func (t *tensors) read(name string, shape ...int) ([]float32, error) {
	kind, at, err := t.find(name, shape...)
	if err != nil {
		return nil, err
	}
	numbers := 1
	for _, n := range shape {
		numbers *= n
	}
	raw := make([]byte, int64(numbers)*width(kind))
	if _, err := t.ReadAt(raw, at); err != nil {
		return nil, core.E(core.Unavailable, op, weights+" can't be read").Because(err)
	}
	out := make([]float32, numbers)
	decode(kind, raw, out)
	return out, nil
}

// table is a tensor with a row for each word, of which few are needed at a time: it stays in the
// file.
type table struct {
	file *tensors
	kind string
	at   int64
}

// row reads the i-th row. i is one of the vocabulary's.
func (b table) row(i int, into []float32) error {
	raw := make([]byte, int64(len(into))*width(b.kind))
	if _, err := b.file.ReadAt(raw, b.at+int64(i)*int64(len(raw))); err != nil {
		return err
	}
	decode(b.kind, raw, into)
	return nil
}

func decode(kind string, raw []byte, into []float32) {
	for i := range into {
		switch kind {
		case "F32":
			into[i] = math.Float32frombits(binary.LittleEndian.Uint32(raw[4*i:]))
		case "BF16":
			into[i] = math.Float32frombits(uint32(binary.LittleEndian.Uint16(raw[2*i:])) << 16)
		case "F16":
			into[i] = half(binary.LittleEndian.Uint16(raw[2*i:]))
		}
	}
}

// half is a number of IEEE 754's binary16.
func half(b uint16) float32 {
	sign, exponent, fraction := uint32(b>>15)<<31, uint32(b>>10)&31, uint32(b)&1023
	switch exponent {
	case 0: // below the smallest normal one
		v := float32(fraction) / (1 << 24)
		return math.Float32frombits(math.Float32bits(v) | sign)
	case 31:
		return math.Float32frombits(sign | 255<<23 | fraction<<13)
	}
	return math.Float32frombits(sign | (exponent+112)<<23 | fraction<<13)
}

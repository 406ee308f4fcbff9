package encoder

import (
	"math"
	"strconv"

	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/blas32"
)

// linear is y = x W^T + b.
type linear struct {
	w, b []float32
	in   int
}

func (l linear) apply(x, y []float32) {
	out := len(l.b)
	n := len(x) / l.in
	blas32.Gemm(blas.NoTrans, blas.Trans, 1, dense(x, n, l.in, l.in), dense(l.w, out, l.in, l.in), 0, dense(y, n, out, out))
	for i := range n {
		add(y[i*out:(i+1)*out], l.b)
	}
}

func dense(x []float32, rows, cols, stride int) blas32.General {
	return blas32.General{Rows: rows, Cols: cols, Stride: stride, Data: x}
}

// spread brings each row to a mean of 0 and a variance of 1, then scales and moves it.
type spread struct {
	scale, move []float32
	epsilon     float64
}

func (l spread) apply(x []float32) {
	h := len(l.scale)
	for ; len(x) > 0; x = x[h:] {
		row := x[:h]
		sum, square := 0.0, 0.0
		for _, v := range row {
			sum += float64(v)
		}
		mean := sum / float64(h)
		for _, v := range row {
			square += (float64(v) - mean) * (float64(v) - mean)
		}
		by := float32(1 / math.Sqrt(square/float64(h)+l.epsilon))
		for i, v := range row {
			row[i] = (v-float32(mean))*by*l.scale[i] + l.move[i]
		}
	}
}

// layer is one of the encoder: tokens look at each other, then each is thought over.
type layer struct {
	query, key, value, out linear
	up, down               linear
	looked, thought        spread
}

// work is what layers write to while they work on n tokens.
type work struct {
	n, heads       int
	q, k, v, a     []float32 // n by hidden
	scores, larger []float32
}

func newWork(n int, c config) *work {
	s := func() []float32 { return make([]float32, n*c.Hidden) }
	return &work{n: n, heads: c.Heads, q: s(), k: s(), v: s(), a: s(), scores: make([]float32, n*n), larger: make([]float32, n*c.Intermediate)}
}

// apply changes x, the tokens.
func (l *layer) apply(x []float32, w *work) {
	l.query.apply(x, w.q)
	l.key.apply(x, w.k)
	l.value.apply(x, w.v)
	w.look()
	l.out.apply(w.a, w.q)
	add(x, w.q)
	l.looked.apply(x)
	l.up.apply(x, w.larger)
	for i, v := range w.larger {
		w.larger[i] = gelu(v)
	}
	l.down.apply(w.larger, w.q)
	add(x, w.q)
	l.thought.apply(x)
}

// look has each head's tokens be sums of all tokens' values, by how near their keys are to a
// token's query (Vaswani et al., 2017).
func (w *work) look() {
	h := len(w.q) / w.n
	d := h / w.heads
	scale := float32(1 / math.Sqrt(float64(d)))
	scores := dense(w.scores, w.n, w.n, w.n)
	part := func(x []float32, at int) blas32.General { return dense(x[at:], w.n, d, h) }
	for at := 0; at < h; at += d {
		blas32.Gemm(blas.NoTrans, blas.Trans, scale, part(w.q, at), part(w.k, at), 0, scores)
		for i := range w.n {
			softmax(w.scores[i*w.n : (i+1)*w.n])
		}
		blas32.Gemm(blas.NoTrans, blas.NoTrans, 1, scores, part(w.v, at), 0, part(w.a, at))
	}
}

func softmax(x []float32) {
	largest := x[0]
	for _, v := range x {
		largest = max(largest, v)
	}
	sum := float32(0)
	for i, v := range x {
		x[i] = float32(math.Exp(float64(v - largest)))
		sum += x[i]
	}
	for i := range x {
		x[i] /= sum
	}
}

// gelu is x times the chance that a normal number is below it.
func gelu(x float32) float32 { return x * float32(0.5+0.5*math.Erf(float64(x)/math.Sqrt2)) }

func add(x, y []float32) {
	for i, v := range y {
		x[i] += v
	}
}

// network is all that a text goes through after its words were looked up.
type network struct {
	places []float32 // added by position, and the kind of a text
	norm   spread
	layers []layer
}

// networkOf makes a network of what get returns for the name and shape of a tensor.
func networkOf(c config, get func(name string, shape ...int) ([]float32, error)) (n network, err error) {
	read := func(name string, shape ...int) (t []float32) {
		if err == nil {
			t, err = get(name, shape...)
		}
		return t
	}
	linearOf := func(name string, in, out int) linear {
		return linear{w: read(name+".weight", out, in), b: read(name+".bias", out), in: in}
	}
	normOf := func(name string) spread {
		return spread{scale: read(name+".weight", c.Hidden), move: read(name+".bias", c.Hidden), epsilon: c.Epsilon}
	}
	n.places = read("embeddings.position_embeddings.weight", c.Places, c.Hidden)
	kinds := read("embeddings.token_type_embeddings.weight", c.Kinds, c.Hidden)
	for i := 0; i < len(n.places) && err == nil; i += c.Hidden {
		add(n.places[i:i+c.Hidden], kinds[:c.Hidden]) // all tokens are of the first kind
	}
	n.norm = normOf("embeddings.LayerNorm")
	for i := range c.Layers {
		at := "encoder.layer." + strconv.Itoa(i) + "."
		n.layers = append(n.layers, layer{
			query: linearOf(at+"attention.self.query", c.Hidden, c.Hidden), key: linearOf(at+"attention.self.key", c.Hidden, c.Hidden),
			value: linearOf(at+"attention.self.value", c.Hidden, c.Hidden), out: linearOf(at+"attention.output.dense", c.Hidden, c.Hidden),
			looked: normOf(at + "attention.output.LayerNorm"), thought: normOf(at + "output.LayerNorm"),
			up: linearOf(at+"intermediate.dense", c.Hidden, c.Intermediate), down: linearOf(at+"output.dense", c.Intermediate, c.Hidden),
		})
	}
	return n, err
}

package rank

import (
	"encoding/binary"
	"errors"
	"math"
)

// Vectors are kept with a byte for each dimension, and how far it reaches for each vector: a
// quarter of the room, and within a hundredth of what the comparison would be. They are of
// length one, so that their product is the cosine of the angle between them.

// MaxDimensions bounds a vector.
const MaxDimensions = 8192

const (
	headSize  = 6 // dimensions in 2 bytes, vectors in 4
	scaleSize = 4
	reach     = 127  // of a dimension that is kept
	asked     = 2047 // of a dimension of a question: the sum of the products fits 32 bits
)

var errVectors = errors.New("the vectors can't be read")

// Pack encodes vectors of one number of dimensions. It fails for those that aren't, have none,
// or hold what isn't a number.
func Pack(vectors [][]float32) ([]byte, error) {
	if len(vectors) == 0 || len(vectors[0]) == 0 || len(vectors[0]) > MaxDimensions {
		return nil, errors.New("no vectors, or of too many dimensions")
	}
	dims := len(vectors[0])
	b := make([]byte, headSize, headSize+len(vectors)*(dims+scaleSize))
	binary.LittleEndian.PutUint16(b, uint16(dims))
	binary.LittleEndian.PutUint32(b[2:], uint32(len(vectors)))
	for _, v := range vectors {
		if len(v) != dims {
			return nil, errors.New("vectors of different dimensions")
		}
		unit, largest, err := length(v)
		if err != nil {
			return nil, err
		}
		scale := largest / reach
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(float32(scale*unit)))
		for _, x := range v {
			b = append(b, byte(int8(math.Round(float64(x)/scale))))
		}
	}
	return b, nil
}

// length returns what makes a vector one of length one, and its largest dimension.
func length(v []float32) (unit, largest float64, err error) {
	sum := 0.0
	for _, x := range v {
		f := float64(x)
		sum += f * f
		largest = max(largest, math.Abs(f))
	}
	if math.IsNaN(sum) || math.IsInf(sum, 0) || sum < 1e-30 {
		return 0, 0, errors.New("a vector without a direction")
	}
	return 1 / math.Sqrt(sum), largest, nil
}

// Packed are vectors that Pack encoded.
type Packed struct {
	dims, n int
	data    []byte
}

// Unpack reads what Pack wrote. It keeps b.
func Unpack(b []byte) (Packed, error) {
	if len(b) < headSize {
		return Packed{}, errVectors
	}
	p := Packed{dims: int(binary.LittleEndian.Uint16(b)), n: int(binary.LittleEndian.Uint32(b[2:])), data: b[headSize:]}
	if p.dims == 0 || p.dims > MaxDimensions || len(p.data)%(p.dims+scaleSize) != 0 || len(p.data)/(p.dims+scaleSize) != p.n {
		return Packed{}, errVectors
	}
	return p, nil
}

// Len returns how many vectors there are; Size how many bytes they take.
func (p Packed) Len() int  { return p.n }
func (p Packed) Size() int { return len(p.data) }

// Question is a vector that others are compared with.
type Question struct {
	v     []int32
	scale float64
}

// Ask returns a question.
func Ask(v []float32) (Question, error) {
	if len(v) == 0 || len(v) > MaxDimensions {
		return Question{}, errors.New("a vector of no dimensions, or too many")
	}
	unit, largest, err := length(v)
	if err != nil {
		return Question{}, err
	}
	q := Question{v: make([]int32, len(v)), scale: largest / asked * unit}
	for i, x := range v {
		q.v[i] = int32(math.Round(float64(x) * asked / largest))
	}
	return q, nil
}

// Compare calls f with the cosine of the angle between the question and each vector. It does
// nothing when they haven't the same dimensions.
func (q Question) Compare(p Packed, f func(i int, cosine float64)) {
	if p.dims != len(q.v) {
		return
	}
	size := p.dims + scaleSize
	for i := range p.n {
		b := p.data[i*size : (i+1)*size]
		scale := math.Float32frombits(binary.LittleEndian.Uint32(b))
		f(i, float64(product(q.v, b[scaleSize:]))*q.scale*float64(scale))
	}
}

// product is unrolled, which halves its time; both have the same length.
func product(q []int32, b []byte) (sum int32) {
	var s0, s1, s2, s3 int32
	for len(q) >= 4 && len(b) >= 4 {
		s0 += q[0] * int32(int8(b[0]))
		s1 += q[1] * int32(int8(b[1]))
		s2 += q[2] * int32(int8(b[2]))
		s3 += q[3] * int32(int8(b[3]))
		q, b = q[4:], b[4:]
	}
	for i, x := range q {
		s0 += x * int32(int8(b[i]))
	}
	return s0 + s1 + s2 + s3
}

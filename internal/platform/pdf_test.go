package platform

import (
	"bytes"
	"compress/flate"
	"compress/zlib"
	"context"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/isekai-run/isekai/internal/cli"
	"github.com/isekai-run/isekai/internal/core"
)

// readHere is what has the test binary be the program that reads a PDF: see TestMain.
func readHere() {
	if len(os.Args) == 2 && os.Args[1] == cli.ReadPDF {
		if err := (Platform{}).ReadPDF(os.Stdin, os.Stdout); err != nil {
			os.Exit(1)
		}
		os.Exit(0)
	}
}

// pdfOf is a PDF of one page whose content is what comes of inflating data.
func pdfOf(data []byte) []byte {
	var b bytes.Buffer
	var at []int
	object := func(format string, args ...any) {
		at = append(at, b.Len())
		fmt.Fprintf(&b, "%d 0 obj\n"+format+"\nendobj\n", append([]any{len(at)}, args...)...)
	}
	b.WriteString("%PDF-1.4\n")
	object("<< /Type /Catalog /Pages 2 0 R >>")
	object("<< /Type /Pages /Kids [4 0 R] /Count 1 >>")
	object("<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>")
	object("<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Resources << /Font << /F1 3 0 R >> >> /Contents 5 0 R >>")
	object("<< /Length %d /Filter /FlateDecode >>\nstream\n%s\nendstream", len(data), data)
	start := b.Len()
	fmt.Fprintf(&b, "xref\n0 %d\n0000000000 65535 f \n", len(at)+1)
	for _, n := range at {
		fmt.Fprintf(&b, "%010d 00000 n \n", n)
	}
	fmt.Fprintf(&b, "trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n", len(at)+1, start)
	return b.Bytes()
}

func deflated(parts ...string) []byte {
	var b bytes.Buffer
	w := zlib.NewWriter(&b)
	for _, p := range parts {
		_, _ = w.Write([]byte(p)) // to memory
	}
	_ = w.Close()
	return b.Bytes()
}

// repeated is what begins with a text and goes on with another n times, which is compressed but once. The checksum at
// its end is of something else: nobody gets there.
func repeated(begin, again string, n int) []byte {
	var whole, once bytes.Buffer
	w := zlib.NewWriter(&whole)
	_, _ = w.Write([]byte(begin)) // to memory, as all of this
	_ = w.Flush()
	f, _ := flate.NewWriter(&once, flate.BestSpeed) // it is a level
	_, _ = f.Write([]byte(again))
	_ = f.Flush()
	whole.Write(bytes.Repeat(once.Bytes(), n))
	_ = w.Close()
	return whole.Bytes()
}

func TestAPDFIsReadElsewhere(t *testing.T) {
	t.Parallel()
	d, err := readPDF(t.Context(), pdfOf(deflated("BT /F1 12 Tf 72 720 Td (The pump is red.) Tj ET")))
	if err != nil || len(d.Parts) != 1 || d.Parts[0].Text != "The pump is red." || d.Parts[0].Page != 1 {
		t.Errorf("%+v: %v", d, err)
	}
	if _, err := readPDF(t.Context(), []byte("%PDF-1.4 and no more")); core.CodeOf(err) != core.Invalid || core.HintOf(err) == "" {
		t.Errorf("a damaged one: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := readPDF(ctx, pdfOf(nil)); core.CodeOf(err) != core.Canceled {
		t.Errorf("canceled: %v", err)
	}
}

func TestThePagesOfAPDFAreNamed(t *testing.T) {
	t.Parallel()
	_, text, err := pdfText(t.Context(), pdfOf(deflated("BT /F1 12 Tf 72 720 Td (The pump is red.) Tj ET")))
	if err != nil || text != "[page 1]\nThe pump is red.\n\n" {
		t.Errorf("%q: %v", text, err)
	}
}

// TestAHostilePDFEndsItsReaderAlone: one that takes gigabytes ends the process that reads it.
func TestAHostilePDFEndsItsReaderAlone(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("takes seconds")
	}
	const begin, shown = "BT /F1 12 Tf 72 720 Td ", "(x) Tj "
	small, err := zlib.NewReader(bytes.NewReader(repeated(begin, shown, 3)))
	if err != nil {
		t.Fatal(err)
	}
	if is, err := io.ReadAll(io.LimitReader(small, int64(len(begin)+3*len(shown)))); err != nil || string(is) != begin+strings.Repeat(shown, 3) {
		t.Fatalf("it isn't what a reader goes on with: %q, %v", is, err)
	}
	bomb := pdfOf(repeated(begin, strings.Repeat(shown, 1<<20/7), 600))
	start := time.Now()
	_, err = readPDF(t.Context(), bomb)
	if core.CodeOf(err) != core.Invalid || time.Since(start) > pdfTime+5*time.Second {
		t.Errorf("%d bytes after %v: %v", len(bomb), time.Since(start), err)
	}
}

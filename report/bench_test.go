package report

import (
	"encoding/json"
	"testing"
)

// The reference is plain encoding/json into maps, of the same bytes.

func BenchmarkDecode(b *testing.B) {
	std := builtin(b, "core/1.0")
	b.SetBytes(int64(len(example)))
	b.ReportAllocs()
	for b.Loop() {
		if _, ps, err := Decode(std, []byte(example)); err != nil || len(ps) > 0 {
			b.Fatal(err, ps)
		}
	}
}

func BenchmarkDecodeReference(b *testing.B) {
	b.SetBytes(int64(len(example)))
	b.ReportAllocs()
	for b.Loop() {
		var v map[string]any
		if err := json.Unmarshal([]byte(example), &v); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkEncode(b *testing.B) {
	std := builtin(b, "core/1.0")
	r, _, err := Decode(std, []byte(example))
	if err != nil {
		b.Fatal(err)
	}
	data, err := Encode(std, r)
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Encode(std, r); err != nil {
			b.Fatal(err)
		}
	}
}

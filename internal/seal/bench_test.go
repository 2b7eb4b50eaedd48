package seal_test

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"io"
	"runtime"
	"slices"
	"testing"
	"time"

	"reconnect.example/internal/seal"
)

// The benchmarks of target P1, against raw AES-256-GCM in pieces of 64 KiB. Each
// round runs both, one after the other, so that a busy machine slows both; x-raw
// is the ratio of the medians. "reader" is how documents are fed, "slice" is one
// Write of the whole. x-fed compares with raw AES-256-GCM that reads its pieces
// from the same reader: what is left of the difference is ours.
//
//	go test -run '^$' -bench Stream -benchtime 200x -count 5 ./internal/seal
var benchSizes = []struct {
	name string
	n    int
}{{"64KiB", 64 << 10}, {"1MiB", 1 << 20}, {"10MiB", 10 << 20}}

const rawPiece = 64 << 10

// onlyReader and onlyWriter hide the short cuts of bytes.Reader and io.Discard,
// as a request's body and a store's writer have none.
type onlyReader struct{ r io.Reader }

func (o onlyReader) Read(p []byte) (int, error) { return o.r.Read(p) }

type onlyWriter struct{ w io.Writer }

func (o onlyWriter) Write(p []byte) (int, error) { return o.w.Write(p) }

func BenchmarkStreamSeal(b *testing.B) {
	key, place := seal.NewStreamKey(), document()
	for _, size := range benchSizes {
		doc := randomBytes(size.n)
		stream := func(feed func(w *seal.StreamWriter) error) func() error {
			return func() error {
				w, err := seal.NewStreamWriter(onlyWriter{io.Discard}, key, place)
				if err != nil {
					return err
				}
				if err := feed(w); err != nil {
					return err
				}
				return w.Close()
			}
		}
		b.Run("reader/"+size.name, func(b *testing.B) {
			compare(b, size.n, rawSeal(b, doc), fedSeal(b, doc), stream(func(w *seal.StreamWriter) error {
				_, err := io.Copy(w, onlyReader{bytes.NewReader(doc)})
				return err
			}))
		})
		b.Run("slice/"+size.name, func(b *testing.B) {
			compare(b, size.n, rawSeal(b, doc), rawSeal(b, doc), stream(func(w *seal.StreamWriter) error {
				_, err := w.Write(doc)
				return err
			}))
		})
	}
}

func BenchmarkStreamOpen(b *testing.B) {
	key, place := seal.NewStreamKey(), document()
	for _, size := range benchSizes {
		doc := randomBytes(size.n)
		sealed := sealStream(b, key, place, doc)
		b.Run("reader/"+size.name, func(b *testing.B) {
			compare(b, size.n, rawOpen(b, doc), fedOpen(b, doc), func() error {
				r, err := seal.NewStreamReader(onlyReader{bytes.NewReader(sealed)}, key, place, int64(size.n))
				if err != nil {
					return err
				}
				_, err = io.Copy(onlyWriter{io.Discard}, r)
				return err
			})
		})
	}
}

// compare reports the bytes that one run of ours allocates, and how its median
// time compares with raw's: more is faster.
func compare(b *testing.B, n int, raw, fed, ours func() error) {
	b.Helper()
	time1 := func(f func() error) time.Duration {
		start := time.Now()
		if err := f(); err != nil {
			b.Fatal(err)
		}
		return time.Since(start)
	}
	var a, f, c []time.Duration
	time1(raw)
	time1(fed)
	time1(ours)
	for b.Loop() {
		a, f, c = append(a, time1(raw)), append(f, time1(fed)), append(c, time1(ours))
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range 20 {
		time1(ours)
	}
	runtime.ReadMemStats(&after)
	median := func(d []time.Duration) float64 {
		slices.Sort(d)
		return float64(d[len(d)/2])
	}
	b.ReportMetric(median(a)/median(c), "x-raw")
	b.ReportMetric(median(f)/median(c), "x-fed")
	b.ReportMetric(float64(n)/median(c)*1000, "MB/s")
	b.ReportMetric(float64(after.TotalAlloc-before.TotalAlloc)/20, "B/stream")
	b.ReportMetric(0, "ns/op")
}

func rawSeal(b *testing.B, doc []byte) func() error {
	gcm, nonce := rawGCM(b)
	dst := make([]byte, 0, rawPiece+gcm.Overhead())
	return func() error {
		for i := 0; i < len(doc); i += rawPiece {
			gcm.Seal(dst, nonce, doc[i:i+rawPiece], nil)
		}
		return nil
	}
}

func fedSeal(b *testing.B, doc []byte) func() error {
	gcm, nonce := rawGCM(b)
	piece := make([]byte, rawPiece, rawPiece+gcm.Overhead())
	return func() error {
		return eachPiece(doc, piece, func(p []byte) error {
			gcm.Seal(p[:0], nonce, p, nil)
			return nil
		})
	}
}

// eachPiece reads b through a reader, piece by piece.
func eachPiece(b, piece []byte, f func(p []byte) error) error {
	r := onlyReader{bytes.NewReader(b)}
	for {
		n, err := io.ReadFull(r, piece)
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		if err := f(piece[:n]); err != nil {
			return err
		}
	}
}

func fedOpen(b *testing.B, doc []byte) func() error {
	gcm, nonce := rawGCM(b)
	var sealed []byte
	for i := 0; i < len(doc); i += rawPiece {
		sealed = gcm.Seal(sealed, nonce, doc[i:i+rawPiece], nil)
	}
	piece := make([]byte, rawPiece+gcm.Overhead())
	return func() error {
		return eachPiece(sealed, piece, func(p []byte) error {
			_, err := gcm.Open(p[:0], nonce, p, nil)
			return err
		})
	}
}

func rawOpen(b *testing.B, doc []byte) func() error {
	gcm, nonce := rawGCM(b)
	var pieces [][]byte
	for i := 0; i < len(doc); i += rawPiece {
		pieces = append(pieces, gcm.Seal(nil, nonce, doc[i:i+rawPiece], nil))
	}
	dst := make([]byte, 0, rawPiece)
	return func() error {
		for _, p := range pieces {
			if _, err := gcm.Open(dst, nonce, p, nil); err != nil {
				return err
			}
		}
		return nil
	}
}

func rawGCM(b *testing.B) (cipher.AEAD, []byte) {
	block, err := aes.NewCipher(randomBytes(32))
	if err != nil {
		b.Fatal(err)
	}
	gcm, err := cipher.NewGCM(block)
	if err != nil {
		b.Fatal(err)
	}
	return gcm, randomBytes(12)
}

func BenchmarkRecord(b *testing.B) {
	key, body := seal.NewKey(), randomBytes(200)
	sealed, err := key.Seal(document(), nil, body)
	if err != nil {
		b.Fatal(err)
	}
	b.Run("seal", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := key.Seal(document(), nil, body); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("open", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, _, err := key.Open(document(), sealed); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkBox(b *testing.B) {
	key, err := seal.NewBoxKey()
	if err != nil {
		b.Fatal(err)
	}
	public, body := key.Public(), randomBytes(200)
	sealed, err := public.Seal(document(), nil, body)
	if err != nil {
		b.Fatal(err)
	}
	b.Run("seal", func(b *testing.B) {
		for b.Loop() {
			if _, err := public.Seal(document(), nil, body); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("open", func(b *testing.B) {
		for b.Loop() {
			if _, _, err := key.Open(document(), sealed); err != nil {
				b.Fatal(err)
			}
		}
	})
}

package filestore

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
)

// BenchmarkWrite compares a blob, written in pieces of 256 KiB, with a bare file
// that is written in one go and synced, without its folder.
func BenchmarkWrite(b *testing.B) {
	for _, mib := range []int{1, 10} {
		content := bytes.Repeat([]byte("0123456789abcdef"), mib<<16)
		for _, writers := range []int{1, 8} {
			b.Run(fmt.Sprintf("blob/%dMiB/%dwriters", mib, writers), func(b *testing.B) {
				s, err := Open(b.TempDir(), nil)
				require.NoError(b, err)
				defer s.Close()
				measure(b, content, writers, func(n int64) error {
					w, err := s.Create(b.Context(), fmt.Sprintf("blob/%d", n), int64(len(content)))
					if err != nil {
						return err
					}
					defer w.Abort()
					for piece := range chunks(content) {
						if _, err := w.Write(piece); err != nil {
							return err
						}
					}
					return w.Close()
				})
			})
			b.Run(fmt.Sprintf("bare/%dMiB/%dwriters", mib, writers), func(b *testing.B) {
				dir := b.TempDir()
				measure(b, content, writers, func(n int64) error {
					file, err := os.Create(filepath.Join(dir, fmt.Sprint(n)))
					if err != nil {
						return err
					}
					defer file.Close()
					if _, err := file.Write(content); err != nil {
						return err
					}
					return file.Sync()
				})
			})
		}
	}
}

func chunks(content []byte) func(func([]byte) bool) {
	return func(yield func([]byte) bool) {
		for len(content) > 0 {
			n := min(len(content), 256<<10)
			if !yield(content[:n]) {
				return
			}
			content = content[n:]
		}
	}
}

func measure(b *testing.B, content []byte, writers int, write func(n int64) error) {
	b.SetBytes(int64(len(content)))
	b.ReportAllocs()
	var n atomic.Int64
	b.SetParallelism(writers) // per processor; see b.RunParallel
	b.ResetTimer()
	if writers == 1 {
		for b.Loop() {
			if err := write(n.Add(1)); err != nil {
				b.Fatal(err)
			}
		}
		return
	}
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if err := write(n.Add(1)); err != nil {
				b.Error(err)
			}
		}
	})
}

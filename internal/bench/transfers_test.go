package main

import (
	"context"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
)

// BenchmarkServer measures what P2 measures, in absolute numbers, one document at
// a time and eight at once.
//
//	go test -run '^$' -bench Server ./internal/bench
func BenchmarkServer(b *testing.B) {
	ctx := context.WithoutCancel(b.Context()) // the server ends after the benchmark
	t := &transfers{}
	server, err := t.startOurs(ctx, b.TempDir())
	require.NoError(b, err)
	b.Cleanup(func() { require.NoError(b, server.stop()) })
	for _, size := range []int{1 << 20, 10 << 20} {
		t.body = make([]byte, size)
		for _, atOnce := range []int{1, mostAtOnce} {
			name := fmt.Sprintf("%dMiB/%d", size>>20, atOnce)
			addresses := make([]string, atOnce)
			b.Run("Upload/"+name, func(b *testing.B) {
				b.SetBytes(int64(size * atOnce))
				for b.Loop() {
					require.NoError(b, together(atOnce, 1, func(n int) (err error) { addresses[n], err = t.upload(ctx, n); return err }))
				}
			})
			b.Run("Download/"+name, func(b *testing.B) {
				if addresses[0] == "" {
					b.Skip("needs what Upload sent")
				}
				b.SetBytes(int64(size * atOnce))
				for b.Loop() {
					require.NoError(b, together(atOnce, 1, func(n int) error { return t.download(ctx, t.people[n], addresses[n]) }))
				}
			})
		}
	}
}

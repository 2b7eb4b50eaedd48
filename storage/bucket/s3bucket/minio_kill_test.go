package s3bucket_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"sync"
	"sync/atomic"
	"testing"

	"reconnect.example/internal/testservices"
)

// A server that is killed while it takes uploads, small ones and ones in parts,
// has afterwards all that it acknowledged, and nothing in part.
func TestKilledServerLosesNothingAcknowledged(t *testing.T) {
	t.Parallel()
	server := testservices.StartMinIO(t)
	b := opened(t, server.Bucket(t))
	rounds := 1
	if os.Getenv("RECONNECT_TEST_ALL") == "1" {
		rounds = 3
	}
	answers := map[string]error{} // of each blob's writer
	for round := range rounds {
		for name, err := range uploadWhileKilled(t, server, func(name string) error {
			return send(t.Context(), b, name, killedContent(name))
		}, round) {
			answers[name] = err
		}
		for name, err := range answers {
			requireTrue(t, err, b, name, killedContent(name))
		}
	}
}

// uploadWhileKilled kills the server after some uploads, in the middle of others,
// starts it again, and returns what each writer was told.
func uploadWhileKilled(t *testing.T, server *testservices.MinIOServer, upload func(name string) error, round int) map[string]error {
	var mu sync.Mutex
	answers := map[string]error{}
	enough := make(chan struct{})
	var done, over atomic.Int64
	limit := 3 + rand.Int64N(12)
	var working sync.WaitGroup
	for writer := range 4 {
		working.Go(func() {
			for i := 0; over.Load() == 0; i++ {
				name := fmt.Sprintf("r%d/w%d/%d", round, writer, i)
				err := upload(name)
				mu.Lock()
				answers[name] = err
				mu.Unlock()
				if done.Add(1) == limit {
					close(enough)
				}
			}
		})
	}
	<-enough
	server.Kill()
	server.Restart(t)
	over.Store(1)
	working.Wait()
	return answers
}

// killedContent is 6 MB for every second blob.
func killedContent(name string) []byte {
	length := 20_000
	if name[len(name)-1]%2 == 1 {
		length = 6_000_000
	}
	return append([]byte(name), bytesOf(length)...)
}

package preview

import (
	"errors"
	"io"
	"time"

	"reconnect.example/refserver/bulkhead"
)

// The first byte of a child's answer.
const (
	verdictMade   = 'm' // the JPEG follows
	verdictNone   = 'n'
	verdictLarge  = 'l'
	verdictBroken = 'b'
)

// processor is the time on a processor that a child may take.
const processor = 10 * time.Second

// Child is the main function of a child: it gives up what it does not need, reads a
// paper from in, writes its answer to out, and returns the exit code.
func Child(in io.Reader, out io.Writer) int {
	if bulkhead.Enter(processor) != nil { // then nobody's paper is looked at
		return 1
	}
	if _, err := out.Write(answerTo(in)); err != nil {
		return 1
	}
	return 0
}

func answerTo(in io.Reader) []byte {
	paper, err := io.ReadAll(io.LimitReader(in, MaxSource+1))
	if err != nil {
		return []byte{verdictBroken}
	}
	small, err := smallOf(paper)
	switch {
	case errors.Is(err, ErrNone):
		return []byte{verdictNone}
	case errors.Is(err, errLarge):
		return []byte{verdictLarge}
	case err != nil:
		return []byte{verdictBroken}
	}
	return append([]byte{verdictMade}, small...)
}

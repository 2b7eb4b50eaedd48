package witness

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/binary"
	"fmt"
	"slices"
	"strconv"
	"time"

	"reconnect.example/internal/seal"
)

// A share is a text that is printed or kept as a file. One of the two has random bytes,
// as many as there are, and the other one the exclusive or of these with the keys: a
// one-time pad. So each alone is as good as random, and no computer ever changes that.
//
// Both carry one proof, a digest of the keys and of everything that the shares say about
// them. The keys are random, so that nothing can be guessed with it; and nobody can alter
// one share so that the pair still fits. Each line, and the whole, has check letters:
// what was damaged or typed wrong is told by its line.

// share is one of the two, as it is written.
type share struct {
	of     PublicKey
	made   time.Time
	set    [16]byte
	number int // 1 or 2
	keys   []string
	proof  [32]byte
	pad    []byte
}

// maxShare bounds the bytes of a share: far more than a witness of many clients has.
const maxShare = 1 << 20

// Shares draws the two shares of an escrow; each call draws others. They are texts of
// ASCII, some twenty lines for one client. Give them to two people, and keep neither.
func (e *Escrow) Shares() (shares [2]string, err error) {
	body, err := e.all.body()
	if err != nil {
		return shares, err
	}
	if len(body) > maxShare {
		return shares, fmt.Errorf("%w: an escrow of %d bytes", ErrInvalid, len(body))
	}
	s := share{of: e.all.of, made: e.all.made, keys: e.lists()}
	_, _ = rand.Read(s.set[:]) // never fails
	s.proof = s.prove(body)
	pad := make([]byte, len(body))
	_, _ = rand.Read(pad)
	s.number, s.pad = 1, pad
	shares[0] = s.String()
	s.number, s.pad = 2, make([]byte, len(body))
	subtle.XORBytes(s.pad, body, pad)
	shares[1] = s.String()
	return shares, nil
}

// lists says in words which keys are in an escrow.
func (e *Escrow) lists() (lines []string) {
	for _, p := range e.all.parts {
		for _, generation := range p.generations() {
			lines = append(lines, listed(p.Name, generation))
		}
	}
	return lines
}

func listed(name string, generation uint64) string {
	if name == "" {
		name = "."
	}
	return name + " " + strconv.FormatUint(generation, 10)
}

// prove is the digest that both shares carry.
func (s *share) prove(body []byte) [32]byte {
	h := sha256.New()
	for _, part := range append([]string{"reconnect witness escrow 1", string(s.of[:]), s.made.Format(time.RFC3339), string(s.set[:]), string(body)}, s.keys...) {
		_, _ = h.Write(binary.BigEndian.AppendUint64(nil, uint64(len(part))))
		_, _ = h.Write([]byte(part))
	}
	return [32]byte(h.Sum(nil))
}

// OpenEscrow puts two shares together, in either order. ErrShare says what is wrong with
// them: which line of which one is damaged, that both are the same one, that they are of
// two escrows, or that one was altered.
func OpenEscrow(one, other string) (*Escrow, error) {
	var shares [2]*share
	for n, text := range []string{one, other} {
		s, err := parseShare(text)
		if err != nil {
			return nil, fmt.Errorf("%w: in the %s one: %w", ErrShare, [...]string{"first", "second"}[n], err)
		}
		shares[n] = s
	}
	a, b := shares[0], shares[1]
	switch {
	case a.set != b.set:
		return nil, fmt.Errorf("%w: they are of two escrows, made %s and %s", ErrShare, a.made.Format(time.DateOnly), b.made.Format(time.DateOnly))
	case a.number == b.number:
		return nil, fmt.Errorf("%w: both are share %d, and the other one is needed", ErrShare, a.number)
	case a.of != b.of || !a.made.Equal(b.made) || a.proof != b.proof || !slices.Equal(a.keys, b.keys) || len(a.pad) != len(b.pad):
		return nil, fmt.Errorf("%w: one of them was altered", ErrShare)
	}
	body := make([]byte, len(a.pad))
	subtle.XORBytes(body, a.pad, b.pad)
	if a.prove(body) != a.proof {
		return nil, fmt.Errorf("%w: one of them was altered", ErrShare)
	}
	var opened escrowBody
	if err := seal.Unmarshal(body, &opened); err != nil {
		return nil, fmt.Errorf("%w: a later version has made them", ErrShare)
	}
	e := &Escrow{&escrowed{of: a.of, made: a.made, parts: opened.Parts}}
	if err := e.all.check(); err != nil || !slices.Equal(e.lists(), a.keys) {
		return nil, fmt.Errorf("%w: they hold something else than they say", ErrShare)
	}
	return e, nil
}

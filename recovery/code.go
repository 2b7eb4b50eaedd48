package recovery

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"math/big"
	"strings"

	"reconnect.example/internal/digits"
	"reconnect.example/internal/seal"
	"reconnect.example/vault"
)

// Number and code of a request have eight digits each, drawn: 26 bits, of which the
// witness lets nobody try more than nineteen (F9): it evaluates twenty times, and once was
// to make it. They open what helpers gave, which opens
// nothing without the person's part, or the desk's code.
const codeDigits = 8

func drawDigits() string {
	n, err := rand.Int(rand.Reader, big.NewInt(100_000_000))
	if err != nil {
		panic(err) // crypto/rand never fails (Go 1.24)
	}
	text := n.String()
	return strings.Repeat("0", codeDigits-len(text)) + text
}

func inGroups(digits string) string { return digits[:4] + " " + digits[4:] }

// readDigits reads a number or a code as people type it. ErrCode for what cannot be one.
func readDigits(typed string) (string, error) {
	text, ok := digits.Of(typed)
	if !ok || len(text) != codeDigits {
		return "", ErrCode
	}
	return text, nil
}

func random16() (b [16]byte) {
	_, _ = rand.Read(b[:])
	return b
}

// Parts of a code.
const (
	partPerson byte = 0 // with the request
	partDesk   byte = 1 // with the desk's half, where two have one each
	partNobody byte = 2 // beside either: what is counted there, nobody typed
)

// codeInput is what the witness evaluates its key at: it learns nothing of the code.
func codeInput(salt []byte, code string) (input [32]byte) {
	m := hmac.New(sha256.New, salt)
	m.Write([]byte("hand-over code\x00" + code))
	m.Sum(input[:0])
	return input
}

// codeKey lets the witness evaluate, counted before it answers, and makes the key of what
// a code seals.
func (s *Service) codeKey(ctx context.Context, id vault.ID, request RequestID, part byte, salt []byte, code string, generation uint64) (seal.Key, vault.Evaluation, error) {
	e, err := s.cfg.Vaults.EvaluateCode(ctx, id, request, part, codeInput(salt, code), generation)
	if errors.Is(err, vault.ErrCardDead) {
		err = ErrSpent
	}
	if err != nil {
		return seal.Key{}, e, err
	}
	return seal.DeriveKey(append(e.Output[:], code...), "hand-over code", append(id[:], request[:]...)), e, nil
}

// level keeps the count from saying which numbers there are (E8): to make a code was
// counted too, so that a number which nobody has would let its guesser try once more before
// they have to wait. So the first try of either takes two calls, and leaves one count.
func (s *Service) level(ctx context.Context, at vault.Pointer, part byte, made bool, failed uint64) error {
	switch {
	case made && failed == 2:
		part += partNobody
	case made || failed != 1:
		return nil
	}
	_, err := s.cfg.Vaults.EvaluateCode(ctx, at.Vault, at.Object, part, [32]byte{}, 0)
	return err
}

// sealCode draws the key pair of a request, and seals the private half under its code.
func (s *Service) sealCode(ctx context.Context, d *draft) error {
	private, err := seal.NewBoxKey()
	if err != nil {
		return err
	}
	salt := make([]byte, saltSize)
	_, _ = rand.Read(salt)
	key, e, err := s.codeKey(ctx, d.vault, d.id, partPerson, salt, d.code, 0)
	if err != nil {
		return err
	}
	r := d.record
	r.Public, r.Salt, r.Generation = private.Public().Bytes(), salt, e.Generation
	r.Private, err = key.SealCommitted(bound(d.vault, d.id, "private half"), nil, private.Bytes())
	return err
}

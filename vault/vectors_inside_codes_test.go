package vault

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"time"

	"reconnect.example/internal/digits"
	"reconnect.example/internal/seal"
)

// What the vectors of codes and cards need of the inside of this package.

// CardValues is everything that is made of the code of a card and a PIN.
type CardValues struct {
	Login                                      string
	Secret, Check, Counter, Input, Output, Key []byte
}

// ValuesOfCard makes them as sign-ins do.
func ValuesOfCard(code, pin string, id ID, slot [16]byte, lookup, evaluation []byte) (v CardValues, err error) {
	c, digits, err := readCard(code, pin)
	if err != nil {
		return v, err
	}
	s, err := serviceWith(lookup)
	if err != nil {
		return v, err
	}
	counter := s.cardCounter(id, slot)
	input := c.input(id, slot, digits)
	output := WitnessOutput(evaluation, id, counter, input)
	return CardValues{
		Login: c.login, Secret: c.secret[:], Check: c.check(id, slot), Counter: counter[:], Input: input[:], Output: output[:],
		Key: c.key(id, slot, output).Bytes(),
	}, nil
}

// WitnessOutput is what a witness whose key is known evaluates; that the real one
// does the same, [TestVectors] shows with the cards that it opens.
func WitnessOutput(key []byte, id ID, counter, input [32]byte) [32]byte {
	h := hmac.New(sha256.New, key)
	for _, part := range [][]byte{[]byte("reconnect witness evaluation 1"), id[:], counter[:], input[:]} {
		_, _ = h.Write(part) // never fails
	}
	return [32]byte(h.Sum(nil))
}

// WrittenCard is the code of a card with the first eleven digits of a login, or a
// number that is none, and a secret.
func WrittenCard(login uint64, secret [16]byte) string {
	raw := append(binary.BigEndian.AppendUint64(nil, login)[8-cardLogin:], secret[:]...)
	return cardText().EncodeToString(append(raw, cardSum(raw)...))
}

// MatchedCode says what a sign-in says of a code of the second factor.
func MatchedCode(secret []byte, code string, now time.Time, last int64) error {
	if _, ok := matchCode(secret, code, now, last); !ok {
		return ErrSecondFactor
	}
	return nil
}

// FactorCode is the present code of the second factor, "" if there is none.
func (v *Vault) FactorCode(ctx context.Context) (code string, err error) {
	err = v.do(ctx, func(t *turn) error {
		f, found, err := t.factor()
		if found && len(f.Secret) > 0 {
			code = totp(f.Secret, t.now.Unix()/totpStep)
		}
		return err
	})
	return code, err
}

// LookupKey is the service's own.
func (s *Vaults) LookupKey() []byte { return s.keys.lookup.Bytes() }

// ReadableWish is what a service reads of a wish.
type ReadableWish struct {
	Want    Want
	Since   int64
	Version uint64 // of the tombstone
	Login   string // key of the login record
}

// serviceWith is one that has this key of its own, and nothing else.
func serviceWith(lookup []byte) (*Vaults, error) {
	key, err := seal.KeyFromBytes(lookup)
	return &Vaults{keys: &serviceKeys{lookup: key}}, err
}

// ReadWish reads a wish as a sweeper does.
func ReadWish(id ID, key, lookup, record []byte) (w ReadableWish, err error) {
	s, err := serviceWith(lookup)
	if err != nil {
		return w, err
	}
	b, err := openWish(id, key, record)
	if err != nil {
		return w, err
	}
	c, tomb, err := s.openCarry(id, b)
	if err != nil {
		return w, err
	}
	return ReadableWish{Want: b.Want, Since: b.Since, Version: tomb.Version, Login: c.Login}, nil
}

// ReadDeath reads the record of a death as a sweeper does.
func ReadDeath(id ID, lookup, record []byte) (d deathBody, err error) { //nolint:revive // its fields are all that is needed
	s, err := serviceWith(lookup)
	if err != nil {
		return d, err
	}
	_, raw, err := s.carryKey().Open(carryContext(id, "death"), record)
	if err == nil {
		err = seal.Unmarshal(raw, &d)
	}
	return d, err
}

// CheckDigits are the two that follow others on a sheet.
func CheckDigits(of string) string { return digits.Check(of) }

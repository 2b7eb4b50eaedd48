package vault

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha1" //nolint:gosec // RFC 6238 with what every authenticator app speaks; HMAC does not need collision resistance
	"crypto/subtle"
	"encoding/base32"
	"encoding/binary"
	"fmt"
	"net/url"
	"strings"
	"time"

	"reconnect.example/internal/seal"
)

// A second factor is a code from an authenticator app, for those who work for
// others and sign in with a password: RFC 6238 over HMAC-SHA-1, six digits, steps
// of 30 seconds, one step before and after accepted for clocks that differ. It is
// an Owner paper:
//
//	CBOR{1: secret in force, 2: last step that was used, 3: secret to be confirmed}
//
// The owner head says that it is asked for, by the state of the password's keyslot:
// so no store can take the paper away and with it the question. The last step moves
// in the commit of the sign-in itself, and the witness has that commit before
// anybody is let in: a code is good once, in whichever process, and on whichever
// copy of the store.
type factorBody struct {
	Secret  []byte `cbor:"1,keyasint,omitempty"`
	Last    int64  `cbor:"2,keyasint,omitempty"`
	Pending []byte `cbor:"3,keyasint,omitempty"`
}

// factorPaper is the id of the one paper about the second factor.
var factorPaper = [16]byte{15: paperFactor}

const (
	totpStep   = 30 // seconds
	totpDigits = 6
	totpSecret = 20 // bytes: RFC 4226, section 4, R6
	totpSkew   = 1  // steps
)

// SecondFactor is what an authenticator app needs to know, shown once.
type SecondFactor struct {
	URI    string // otpauth://…, for a QR code
	Secret string // the same for typing: base32 in groups of four
}

// EnrolSecondFactor draws the secret of a second factor, for the app. It is asked
// for only once [Vault.ConfirmSecondFactor] has seen a code of it; until then an
// earlier one stays in force. The person proves themself again: a stolen session
// must not lock its owner out.
//
// Errors: ErrSignIn, ErrCardDead, BackOffError, ErrWitnessAway, ErrUnconfirmed.
func (v *Vault) EnrolSecondFactor(ctx context.Context, secret Secret) (SecondFactor, error) {
	login, err := v.readLogin(ctx, nil)
	if err != nil {
		return SecondFactor{}, err
	}
	if _, err := v.service.ask(ctx, v.id); err != nil {
		return SecondFactor{}, err
	}
	if _, err := v.confirm(ctx, secret); err != nil {
		return SecondFactor{}, err
	}
	drawn := make([]byte, totpSecret)
	_, _ = rand.Read(drawn) // never fails
	err = v.changeOwner(ctx, func(t *turn) error {
		f, _, err := t.factor()
		if err != nil {
			return err
		}
		f.Pending = drawn
		return t.putFixedPaper(factorPaper, paperFactor, f)
	})
	if err != nil {
		return SecondFactor{}, err
	}
	return newSecondFactor(drawn, login), nil
}

func newSecondFactor(secret []byte, login string) SecondFactor {
	text := base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(secret)
	var groups []string
	for rest := text; rest != ""; rest = rest[4:] { // 20 bytes are 32 characters
		groups = append(groups, rest[:4])
	}
	label := url.PathEscape("Reconnect:" + strings.ReplaceAll(login, " ", ""))
	values := url.Values{"secret": {text}, "issuer": {"Reconnect"}, "algorithm": {"SHA1"}, "digits": {fmt.Sprint(totpDigits)}, "period": {fmt.Sprint(totpStep)}}
	return SecondFactor{URI: "otpauth://totp/" + label + "?" + values.Encode(), Secret: strings.Join(groups, " ")}
}

// ConfirmSecondFactor puts the second factor that was enrolled last in force: from
// then on every sign-in with the password needs a code. This code is spent.
//
// Errors: ErrSecondFactor for a wrong code (nothing was changed), InvalidError if
// none was enrolled, ErrWitnessAway (nothing was changed), ErrUnconfirmed.
func (v *Vault) ConfirmSecondFactor(ctx context.Context, code string) error {
	if _, err := v.service.ask(ctx, v.id); err != nil {
		return err
	}
	return v.changeOwner(ctx, func(t *turn) error {
		f, _, err := t.factor()
		if err != nil {
			return err
		}
		if len(f.Pending) == 0 {
			return &InvalidError{Field: "code", Problem: "belongs to no second factor; enrol one first"}
		}
		step, ok := matchCode(f.Pending, code, t.now, 0)
		if !ok {
			return ErrSecondFactor
		}
		f = factorBody{Secret: f.Pending, Last: step}
		t.setPasswordState(slotCoded)
		t.note(ActFactorConfirmed, nil, nil)
		return t.putFixedPaper(factorPaper, paperFactor, f)
	})
}

// HasSecondFactor says whether a sign-in with the password needs a code.
func (v *Vault) HasSecondFactor(ctx context.Context) (has bool, err error) {
	err = v.do(ctx, func(t *turn) error {
		has = t.needsCode()
		return nil
	})
	return has, err
}

func (t *turn) needsCode() bool {
	entry, ok := activeSlot(t.heads.owner, slotPassword)
	return ok && entry.State == slotCoded
}

func (t *turn) setPasswordState(state uint8) {
	slots := append([]seal.SlotEntry(nil), t.heads.owner.Slots...)
	for i := range slots {
		if slots[i].Kind == slotPassword {
			slots[i].State = state
		}
	}
	t.heads.owner.Slots = slots
}

func (t *turn) factor() (f factorBody, found bool, err error) {
	p, found, err := t.fixedPaper(factorPaper, paperFactor)
	if err == nil && found && seal.Unmarshal(p.Body, &f) != nil {
		err = tampered("owner paper")
	}
	return f, found, err
}

// takeCode spends the code of a sign-in, where one is needed. A step is good only
// after the last one that was used.
func (t *turn) takeCode(in entrance) (spent bool, err error) {
	if in.card || !t.needsCode() {
		return false, nil
	}
	f, found, err := t.factor()
	if err != nil {
		return false, err
	}
	if !found || len(f.Secret) == 0 { // it was there when the head said so
		return false, tampered("owner paper")
	}
	step, ok := matchCode(f.Secret, in.code, t.now, f.Last)
	if !ok {
		return false, ErrSecondFactor
	}
	f.Last = step
	return true, t.putFixedPaper(factorPaper, paperFactor, f)
}

// spendCode makes sure that the witness knows of the commit that spent a code,
// before anybody is let in on it. Otherwise a store that goes back to before would
// let the same code in again.
func (v *Vault) spendCode(ctx context.Context, heads []Checkpoint, owner signedOwner) error {
	err := v.service.confirm(ctx, v.id, heads, owner)
	if err != nil {
		v.Close()
	}
	return err
}

// matchCode returns the step of a code that is good at now and later than last.
func matchCode(secret []byte, code string, now time.Time, last int64) (step int64, ok bool) {
	typed, ok := digitsOf(code, totpDigits)
	if !ok {
		return 0, false
	}
	current := now.Unix() / totpStep
	found := int64(0)
	for s := current - totpSkew; s <= current+totpSkew; s++ { // all of them, whichever fits
		if subtle.ConstantTimeCompare([]byte(totp(secret, s)), []byte(typed)) == 1 && s > last {
			found = s
		}
	}
	return found, found > 0
}

// totp is the code of a step: RFC 6238 is RFC 4226 with the step for a counter.
func totp(secret []byte, step int64) string {
	h := hmac.New(sha1.New, secret)
	_, _ = h.Write(binary.BigEndian.AppendUint64(nil, uint64(step))) // never fails
	sum := h.Sum(nil)
	at := sum[len(sum)-1] & 0xf
	number := binary.BigEndian.Uint32(sum[at:]) & 0x7fffffff
	return fmt.Sprintf("%0*d", totpDigits, number%1_000_000)
}

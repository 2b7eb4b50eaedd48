package consenttest

import (
	"crypto/hmac"
	"crypto/sha1" //nolint:gosec // RFC 6238, as authenticator apps have it
	"encoding/base32"
	"encoding/binary"
	"fmt"
	"strings"
	"time"
)

// factorStep is that of RFC 6238.
const factorStep = 30 * time.Second

// Code is what the worker's authenticator app shows (RFC 6238), "" without a second
// factor. As a code is good once, the clock of the stage moves to the next where the
// last one was taken already.
func (w *Staff) Code() string {
	if w.Factor == "" {
		return ""
	}
	step := w.clock.Now().Unix() / int64(factorStep.Seconds())
	if step <= w.spent {
		step = w.clock.Advance(factorStep).Unix() / int64(factorStep.Seconds())
	}
	w.spent = step
	secret, err := base32.StdEncoding.WithPadding(base32.NoPadding).DecodeString(strings.ReplaceAll(w.Factor, " ", ""))
	if err != nil {
		return ""
	}
	h := hmac.New(sha1.New, secret)
	_, _ = h.Write(binary.BigEndian.AppendUint64(nil, uint64(step))) // never fails
	sum := h.Sum(nil)
	at := sum[len(sum)-1] & 0xf
	return fmt.Sprintf("%06d", binary.BigEndian.Uint32(sum[at:])&0x7fffffff%1_000_000)
}

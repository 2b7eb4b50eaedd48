package vault_test

import (
	"crypto/sha256"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"reconnect.example/consent"
	"reconnect.example/internal/seal"
	"reconnect.example/internal/testvectors"
	"reconnect.example/vault"
)

// exact are the kinds of vectors whose bytes are given by what they are made of: made
// anew they are the same, to the last one.
var exact = map[string]bool{"digits": true, "fingerprint": true, "public-text": true, "totp": true, "card-code": true, "sheet": true}

// showCode is of the vectors of what people read aloud, type and scan.
func showCode(t *testing.T, v *testvectors.Vector) *shown {
	t.Helper()
	out := &shown{outcome: "success"}
	out.note(codes[v.Text("kind")](t, v))
	return out
}

var codes = map[string]func(*testing.T, *testvectors.Vector) error{
	"digits": func(_ *testing.T, v *testvectors.Vector) error {
		if v.Text("of") == "login" {
			_, err := vault.NormalLogin(v.Text("code"))
			return err
		}
		typed := v.Text("code")
		if v.Text("of") == "invitation" { // the check of 24 digits says the same of 16 behind zeros
			typed = "0000 0000 " + typed
		}
		if !consent.WellTyped(typed) { // a fingerprint has as many digits, and the same check
			return vault.ErrInvalid
		}
		return nil
	},
	"fingerprint": func(_ *testing.T, v *testvectors.Vector) error {
		switch typed := v.Text("fingerprint"); {
		case !consent.WellTyped(typed):
			return vault.ErrInvalid
		case !consent.SameFingerprint(typed, consent.RelayKey(v.Bytes("key"))):
			return vault.ErrUntrustedKey
		}
		_, _, err := consent.ParseQRText(v.Text("scanned"))
		return err
	},
	"public-text": func(t *testing.T, v *testvectors.Vector) error {
		key, err := seal.PublicText{Prefix: v.Text("prefix"), Label: v.Text("label")}.Parse(v.Text("text"))
		if err != nil {
			return vault.ErrInvalid
		}
		require.Equal(t, v.Bytes("key"), key[:])
		return nil
	},
	"totp": func(_ *testing.T, v *testvectors.Vector) error {
		return vault.MatchedCode(v.Bytes("secret"), v.Text("code"), time.UnixMilli(int64(v.Number("now"))), int64(v.Number("last")))
	},
	"card-code": func(t *testing.T, v *testvectors.Vector) error {
		got, err := vault.ValuesOfCard(v.Text("card"), v.Text("pin"), vault.ID(v.Bytes("vault")), [16]byte(v.Bytes("slot")), v.Bytes("lookup"), v.Bytes("evaluation-key"))
		if err != nil {
			return err
		}
		require.Equal(t, v.Text("login"), got.Login)
		for name, value := range map[string][]byte{"secret": got.Secret, "check": got.Check, "counter": got.Counter, "input": got.Input, "output": got.Output, "key": got.Key} {
			require.Equal(t, v.Bytes(name), value, name)
		}
		return nil
	},
}

// codes writes the vectors of what people read aloud, type and scan.
func (w *vectorWriter) codes() {
	w.put("digits", "success", "A login: the last digit checks the others (Luhn).", text("kind", "digits"), text("of", "login"), text("code", "4821 7730 1959"))
	w.on("digits", "wrong-digit", "invalid", "One digit is another.", text("code", "4821 7730 1859"))
	w.on("digits", "exchanged", "invalid", "Two digits are exchanged.", text("code", "4821 7703 1959"))
	w.on("digits", "short", "invalid", "A digit is missing.", text("code", "4821 7730 195"))
	invitation := sha256.Sum256([]byte("reconnect invitation 0123 4567 8901 2334"))
	w.put("digits-invitation", "success", "An invitation: the last two digits check the others (MOD 97-10). hash is in the key of its record.",
		text("kind", "digits"), text("of", "invitation"), text("code", "0123 4567 8901 2334"), hexed("hash", invitation[:]))
	w.put("digits-sheet", "success", "The code of a relay recovery sheet.", text("kind", "digits"), text("of", "sheet"), text("code", "0000 0000 0000 0000 0000 0098"))
	w.on("digits-sheet", "wrong-digit", "invalid", "One digit is another.", text("code", "0000 0000 0000 0010 0000 0098"))

	relay := consent.Relay{ID: consent.RelayID([]byte("a relay's own id")), Key: consent.RelayKey(w.public(0x61))}
	w.put("fingerprint", "success", "The key of a relay as it is read aloud, and as its QR code says it.", text("kind", "fingerprint"), hexed("key", relay.Key[:]),
		text("relay", relay.ID.String()), text("fingerprint", consent.Fingerprint(relay.Key)), text("scanned", consent.QRText(relay)))
	w.on("fingerprint", "mistyped", "invalid", "One digit is another.", text("fingerprint", turned(consent.Fingerprint(relay.Key))))
	w.on("fingerprint", "of-another-key", "untrusted-key", "It is the fingerprint of another key.", text("fingerprint", consent.Fingerprint(consent.RelayKey(w.public(0x62)))))

	for _, k := range []struct{ name, prefix, label string }{
		{"public-text", "ra", "reconnect authority public key"}, {"public-text-relay", "rr", "reconnect relay public key"}, {"public-text-witness", "rw", "reconnect witness public key"},
	} {
		written := seal.PublicText{Prefix: k.prefix, Label: k.label}.Format([32]byte(w.public(0x63)))
		w.put(k.name, "success", "A public key as people hand it to each other.", text("kind", "public-text"), text("prefix", k.prefix), text("label", k.label), hexed("key", w.public(0x63)), text("text", written))
	}
	written := w.read("public-text").Text("text")
	w.on("public-text", "upper-case", "success", "Letters of the other case, and no dashes.", text("text", strings.ToUpper(strings.ReplaceAll(written, "-", ""))))
	w.on("public-text", "mistyped", "invalid", "One character is another.", text("text", strings.Replace(written, written[3:4], map[bool]string{true: "b", false: "a"}[written[3] == 'a'], 1)))
	w.on("public-text", "of-another-kind", "invalid", "The key of a relay where that of an authority is expected.", text("text", w.read("public-text-relay").Text("text")))
	low := seal.PublicText{Prefix: "ra", Label: "reconnect authority public key"}.Format([32]byte{})
	w.on("public-text", "low-order-key", "invalid", "A public key of low order.", text("text", low))
	w.secondFactor()
	w.cardCodes()
}

// public is the public key of a seed that is one byte over and over.
func (w *vectorWriter) public(seed byte) []byte {
	w.t.Helper()
	key, err := seal.SigningKeyFromBytes(filled(seed))
	require.NoError(w.t, err)
	return key.Public()
}

// turned is the text with another first digit.
func turned(digits string) string {
	return string('0'+(digits[0]-'0'+1)%10) + digits[1:]
}

// secondFactor are codes of RFC 6238, appendix B, of which the last six digits are ours.
func (w *vectorWriter) secondFactor() {
	w.put("totp", "success", "A code of an authenticator app: RFC 6238, appendix B, the last six digits.", text("kind", "totp"),
		hexed("secret", []byte("12345678901234567890")), number("now", 1_111_111_109_000), text("code", "081804"))
	w.on("totp", "of-the-next-step", "success", "Of the step after: clocks differ.", text("code", "050471"))
	w.on("totp", "of-the-step-before", "success", "Of the step before: clocks differ.", number("now", 1_111_111_139_000))
	w.on("totp", "two-steps-late", "second-factor", "Two steps late.", number("now", 1_111_111_169_000))
	w.on("totp", "used", "second-factor", "This step was used: a code is good once.", number("last", 1_111_111_109/30))
	w.on("totp", "wrong", "second-factor", "Another code.", text("code", "081805"))
}

// grouped is a code in groups of four, as it is printed.
func grouped(code string) string {
	var groups []string
	for ; code != ""; code = code[4:] {
		groups = append(groups, code[:4])
	}
	return strings.Join(groups, " ")
}

func (w *vectorWriter) cardCodes() {
	id, slot, secret := vault.ID([]byte("a vault's own id")), [16]byte([]byte("a keyslot's name")), [16]byte([]byte("secret of a card"))
	code := grouped(vault.WrittenCard(48_217_730_195, secret))
	v, err := vault.ValuesOfCard(code, "385206", id, slot, filled(0x64), filled(0x65))
	require.NoError(w.t, err)
	w.put("card-code", "success", "What stands on an access card, what the service and the witness make of it and of the PIN, and the key of its keyslot.", text("kind", "card-code"),
		text("card", code), text("login", "4821 7730 1959"), hexed("secret", secret[:]), hexed("vault", id[:]), hexed("slot", slot[:]), text("pin", "385206"),
		hexed("lookup", filled(0x64)), hexed("evaluation-key", filled(0x65)),
		hexed("check", v.Check), hexed("counter", v.Counter), hexed("input", v.Input), hexed("output", v.Output), hexed("key", v.Key))
	w.on("card-code", "as-typed", "success", "Letters of the other case, O for 0, I and L for 1, no spaces.", text("card", strings.NewReplacer(" ", "", "0", "o", "1", "l").Replace(strings.ToLower(code))))
	w.on("card-code", "mistyped", "invalid", "One character is another.", text("card", code[:10]+string(map[bool]byte{true: '3', false: '2'}[code[10] == '2'])+code[11:]))
	w.on("card-code", "short", "invalid", "The last group is missing.", text("card", code[:len(code)-5]))
	w.on("card-code", "no-login", "invalid", "A number that no eleven digits write.", text("card", grouped(vault.WrittenCard(100_000_000_000, secret))))
}

package consent_test

import (
	"bytes"
	"fmt"
	"image/png"
	"strings"
	"testing"
	"unicode"

	"github.com/stretchr/testify/require"

	"reconnect.example/consent"
	"reconnect.example/vault"
)

func TestAFingerprintIsTheSameForEver(t *testing.T) {
	t.Parallel()
	require.Equal(t, "5912 9907 6600 0342 6040 3337", consent.Fingerprint(seededKey(0)))
	require.Regexp(t, `^([0-9]{4} ){5}[0-9]{4}$`, consent.Fingerprint(newKey()))
}

func TestAFingerprintIsKnownInAnyScript(t *testing.T) {
	t.Parallel()
	for range 50 {
		key := newKey()
		said := consent.Fingerprint(key)
		for _, zero := range []rune{'0', '٠', '۰', '०', '০', '೦', '๐', '០', '０', '߀', '꘠', '𝟎', '𝟶'} {
			typed := strings.Map(func(r rune) rune {
				if unicode.IsDigit(r) {
					return zero + r - '0'
				}
				return r
			}, said)
			for _, form := range []string{typed, strings.ReplaceAll(typed, " ", ""), strings.ReplaceAll(typed, " ", "-"), strings.ReplaceAll(typed, " ", "\u00a0–\u200f "), " " + typed + "\n"} {
				require.True(t, consent.SameFingerprint(form, key), form)
				require.True(t, consent.WellTyped(form), form)
			}
		}
		require.False(t, consent.SameFingerprint(said, newKey()))
	}
	for _, wrong := range []string{"", "1", "abc", strings.Repeat("1", 23), strings.Repeat("1", 10_000), consent.Fingerprint(newKey()) + "1", consent.Fingerprint(newKey()) + "x"} {
		require.False(t, consent.SameFingerprint(wrong, newKey()), wrong)
		require.False(t, consent.WellTyped(wrong), wrong)
	}
}

func TestADigitThatWasMisheardIsNoticed(t *testing.T) {
	t.Parallel()
	for range 20 {
		key := newKey()
		digits := strings.ReplaceAll(consent.Fingerprint(key), " ", "")
		for i := range digits {
			for d := range 10 {
				wrong := digits[:i] + fmt.Sprint(d) + digits[i+1:]
				if wrong != digits {
					require.False(t, consent.WellTyped(wrong))
					require.False(t, consent.SameFingerprint(wrong, key))
				}
			}
			if i > 0 && digits[i] != digits[i-1] {
				require.False(t, consent.WellTyped(digits[:i-1]+digits[i:i+1]+digits[i-1:i]+digits[i+1:]), "exchanged")
			}
		}
	}
}

func TestTheCodeOnTheWallNamesRelayAndKey(t *testing.T) {
	t.Parallel()
	r := relayOf(organisation("Ville de Lyon"), "Accueil de jour")
	id, fingerprint, err := consent.ParseQRText(consent.QRText(*r))
	require.NoError(t, err)
	require.Equal(t, r.ID, id)
	require.True(t, consent.SameFingerprint(fingerprint, r.Key))
	require.Regexp(t, `^reconnect:relay:[a-z2-7]{26}:[0-9]{24}$`, consent.QRText(*r))

	picture, err := consent.QR(*r)
	require.NoError(t, err)
	decoded, err := png.Decode(bytes.NewReader(picture))
	require.NoError(t, err)
	require.Equal(t, decoded.Bounds().Dx(), decoded.Bounds().Dy())
	require.Greater(t, decoded.Bounds().Dx(), 300)
	require.Less(t, len(picture), 10_000)
	_, err = consent.QR(consent.Relay{})
	require.ErrorIs(t, err, vault.ErrInvalid)

	text := consent.QRText(*r)
	for _, wrong := range []string{"", "x", text + "1", text[1:], strings.ToUpper(text), text[:len(text)-1], text[:len(text)-1] + "٣", strings.Replace(text, "relay", "worker", 1), text + "\n", "reconnect:relay::"} {
		_, _, err := consent.ParseQRText(wrong)
		require.ErrorIs(t, err, vault.ErrInvalid, wrong)
	}
}

func FuzzParseQRText(f *testing.F) {
	f.Add(consent.QRText(consent.Relay{ID: vault.ID{1}, Key: seededKey(0)}))
	f.Add("reconnect:relay:aaaaaaaaaaaaaaaaaaaaaaaaaa:000000000000000000000000")
	f.Add("")
	f.Fuzz(func(t *testing.T, text string) {
		id, fingerprint, err := consent.ParseQRText(text)
		if err != nil {
			require.ErrorIs(t, err, vault.ErrInvalid)
			return
		}
		require.Equal(t, text, "reconnect:relay:"+id.String()+":"+fingerprint)
	})
}

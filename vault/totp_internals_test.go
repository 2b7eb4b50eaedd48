package vault

import (
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// The vectors of RFC 6238, appendix B, for SHA-1, of which the last six digits are
// ours, and those of RFC 4226, appendix D.
func TestCodesAreThoseOfTheStandards(t *testing.T) {
	t.Parallel()
	secret := []byte("12345678901234567890")
	for at, code := range map[int64]string{
		59: "94287082", 1111111109: "07081804", 1111111111: "14050471", 1234567890: "89005924", 2000000000: "69279037", 20000000000: "65353130",
	} {
		require.Equal(t, code[2:], totp(secret, at/totpStep))
	}
	for count, code := range []string{"755224", "287082", "359152", "969429", "338314", "254676", "287922", "162583", "399871", "520489"} {
		require.Equal(t, code, totp(secret, int64(count)))
	}
}

func TestACodeIsGoodForOneStepBeforeAndAfterAndNeverTwice(t *testing.T) {
	t.Parallel()
	secret, now := []byte("12345678901234567890"), time.Unix(1_800_000_015, 0)
	current := now.Unix() / totpStep
	for off := int64(-3); off <= 3; off++ {
		step, ok := matchCode(secret, totp(secret, current+off), now, 0)
		require.Equal(t, off >= -1 && off <= 1, ok, off)
		if ok {
			require.Equal(t, current+off, step)
			_, again := matchCode(secret, totp(secret, current+off), now, step)
			require.False(t, again)
			_, earlier := matchCode(secret, totp(secret, current-1), now, step)
			require.False(t, earlier)
		}
	}
	code := totp(secret, current)
	for _, typed := range []string{code[:3] + " " + code[3:], " " + code, arabic(code)} {
		_, ok := matchCode(secret, typed, now, 0)
		require.True(t, ok, typed)
	}
	for _, typed := range []string{"", code[:5], code + "0", "abcdef", strings.Repeat("1", 300)} {
		_, ok := matchCode(secret, typed, now, 0)
		require.False(t, ok, typed)
	}
}

func arabic(s string) string {
	return strings.Map(func(r rune) rune { return '٠' + r - '0' }, s)
}

func TestAnAppReadsTheSecondFactor(t *testing.T) {
	t.Parallel()
	f := newSecondFactor([]byte("12345678901234567890"), "4821 7730 1956")
	require.Equal(t, "GEZD GNBV GY3T QOJQ GEZD GNBV GY3T QOJQ", f.Secret)
	u, err := url.Parse(f.URI)
	require.NoError(t, err)
	require.Equal(t, "otpauth", u.Scheme)
	require.Equal(t, "totp", u.Host)
	require.Equal(t, "/Reconnect:482177301956", u.Path)
	require.Equal(t, url.Values{
		"secret": {"GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"}, "issuer": {"Reconnect"}, "algorithm": {"SHA1"}, "digits": {"6"}, "period": {"30"},
	}, u.Query())
}

// Code6238 is what an authenticator app shows for a secret at a time.
func Code6238(secret []byte, at time.Time) string { return totp(secret, at.Unix()/totpStep) }

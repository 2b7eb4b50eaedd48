package seal_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"reconnect.example/internal/seal"
)

const tokenType = "tried+jwt"

func newToken(t *testing.T, k seal.TokenKey, kid string) string {
	t.Helper()
	token, err := k.SignToken(kid, tokenType, map[string]string{"iss": "relay", "jti": "serial", "name": "Accueil « Été »"})
	require.NoError(t, err)
	return token
}

func TestATokenSaysWhatWasSigned(t *testing.T) {
	t.Parallel()
	k := seal.NewTokenKey()
	again, err := seal.TokenKeyFromBytes(k.Bytes())
	require.NoError(t, err)
	require.Equal(t, k.Public(), again.Public())
	token := newToken(t, again, "relay.1")
	kid, err := seal.TokenKeyID(token)
	require.NoError(t, err)
	require.Equal(t, "relay.1", kid)
	claims, err := seal.OpenToken(seal.TokenPublic{ID: kid, Point: k.Public()}, tokenType, token)
	require.NoError(t, err)
	require.Equal(t, map[string]string{"iss": "relay", "jti": "serial", "name": "Accueil « Été »"}, claims)
	require.NotContains(t, fmt.Sprintf("%v %+v %#v %s", k, k, k, k), fmt.Sprintf("%x", k.Bytes()))
}

func encoded(json string) string { return base64.RawURLEncoding.EncodeToString([]byte(json)) }

// Whoever makes a token with another key, another algorithm or none is refused.
func TestATokenThatThisKeyDidNotSignIsRefused(t *testing.T) {
	t.Parallel()
	k, other := seal.NewTokenKey(), seal.NewTokenKey()
	public := seal.TokenPublic{ID: "relay.1", Point: k.Public()}
	good := newToken(t, k, "relay.1")
	parts := strings.Split(good, ".")
	keyed := encoded(`{"alg":"HS256","kid":"relay.1","typ":"tried+jwt"}`) + "." + parts[1]
	mac := hmac.New(sha256.New, k.Public())
	_, _ = mac.Write([]byte(keyed))
	for name, token := range map[string]string{
		"another key":            newToken(t, other, "relay.1"),
		"a key of another name":  newToken(t, k, "relay.2"),
		"no algorithm":           encoded(`{"alg":"none","kid":"relay.1","typ":"tried+jwt"}`) + "." + parts[1] + ".",
		"no algorithm, signed":   encoded(`{"alg":"none","kid":"relay.1","typ":"tried+jwt"}`) + "." + parts[1] + "." + parts[2],
		"a hash with the key":    keyed + "." + base64.RawURLEncoding.EncodeToString(mac.Sum(nil)),
		"another algorithm":      encoded(`{"alg":"ES384","kid":"relay.1","typ":"tried+jwt"}`) + "." + parts[1] + "." + parts[2],
		"without a key's name":   encoded(`{"alg":"ES256","typ":"tried+jwt"}`) + "." + parts[1] + "." + parts[2],
		"other claims":           parts[0] + "." + encoded(`{"iss":"another","jti":"serial"}`) + "." + parts[2],
		"cut":                    good[:len(good)-2],
		"something behind":       good + "AA",
		"too long":               good + strings.Repeat("A", seal.MaxToken),
		"nothing":                "",
		"not a token":            "hello",
		"two tokens in one":      good + "." + good,
		"line breaks in between": parts[0] + "\n." + parts[1] + "." + parts[2],
	} {
		_, err := seal.OpenToken(public, tokenType, token)
		require.ErrorIs(t, err, seal.ErrOpen, name)
	}
	_, err := seal.OpenToken(public, "other+jwt", good)
	require.ErrorIs(t, err, seal.ErrOpen, "of another kind")
	_, err = seal.OpenToken(public, tokenType, good)
	require.NoError(t, err)
}

func TestAKeyForTokensIsOneOfTheCurve(t *testing.T) {
	t.Parallel()
	for _, b := range [][]byte{nil, make([]byte, 32), make([]byte, 31), []byte(strings.Repeat("\xff", 32))} {
		_, err := seal.TokenKeyFromBytes(b)
		require.Error(t, err)
	}
	_, err := seal.TokenKeySet([]seal.TokenPublic{{ID: "a", Point: make([]byte, 65)}})
	require.ErrorIs(t, err, seal.ErrFormat)
	_, err = seal.TokenKey{}.SignToken("a", tokenType, nil)
	require.ErrorIs(t, err, seal.ErrArgument)
	set, err := seal.TokenKeySet(nil)
	require.NoError(t, err)
	require.JSONEq(t, `{"keys":[]}`, string(set))
}

// The vector that docs/format.md has: with it another implementation shows that it verifies.
func TestTheTokenOfTheDocumentVerifies(t *testing.T) {
	t.Parallel()
	document, err := os.ReadFile("../../docs/format.md")
	require.NoError(t, err)
	found := regexp.MustCompile(`\npoint: ([0-9a-f]{130})\ntoken: (\S+)\n`).FindStringSubmatch(string(document))
	require.Len(t, found, 3)
	point, err := hex.DecodeString(found[1])
	require.NoError(t, err)
	kid, err := seal.TokenKeyID(found[2])
	require.NoError(t, err)
	claims, err := seal.OpenToken(seal.TokenPublic{ID: kid, Point: point}, "seen+jwt", found[2])
	require.NoError(t, err)
	require.Equal(t, "birth-certificate", claims["kind"])
	require.Equal(t, "2026-11-22", claims["day"])
}

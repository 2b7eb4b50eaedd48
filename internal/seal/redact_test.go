package seal_test

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"reconnect.example/internal/seal"
)

// asText is how 32 bytes show up in text.
func asText(b []byte) []string {
	list := strings.Trim(fmt.Sprint(b), "[]")
	goList := strings.TrimSuffix(strings.SplitN(fmt.Sprintf("%#v", b), "{", 2)[1], "}")
	return []string{
		string(b), hex.EncodeToString(b), strings.ToUpper(hex.EncodeToString(b)),
		base64.StdEncoding.EncodeToString(b), base64.RawURLEncoding.EncodeToString(b), list, goList,
	}
}

// holder is a struct of somebody else that has a key in an unexported field, to
// which fmt cannot reach a method.
type holder struct{ key any }

func TestKeysCannotBePrinted(t *testing.T) {
	t.Parallel()
	raw := bytes.Repeat([]byte("\x5a\xa5secret!"), 4)[:32]
	key, err := seal.KeyFromBytes(raw)
	require.NoError(t, err)
	box, err := seal.BoxKeyFromBytes(raw)
	require.NoError(t, err)
	signing, err := seal.SigningKeyFromBytes(raw)
	require.NoError(t, err)
	require.NotEmpty(t, box.Public()) // what is made of them for that is kept, and hidden, too
	require.NotEmpty(t, signing.Public())

	for _, k := range []any{key, &key, box, &box, signing, &signing} {
		forms := []any{k, holder{k}, &holder{k}, []any{k}, map[string]any{"k": k}, struct{ K any }{k}, struct{ k seal.Key }{key},
			struct{ b seal.BoxKey }{box}, struct{ s seal.SigningKey }{signing}}
		for _, form := range forms {
			for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%o", "%b", "%c", "%p", "%t", "%20v", "%w"} {
				requireHidden(t, raw, fmt.Sprintf(verb, form)) //nolint:govet // wrong verbs are the point
			}
			requireHidden(t, raw, fmt.Sprint(form))
			requireHidden(t, raw, fmt.Errorf("failed with %v: %w", form, errors.New("x")).Error())
			if text, err := json.Marshal(form); err == nil {
				requireHidden(t, raw, string(text))
			}
			var log bytes.Buffer
			slog.New(slog.NewTextHandler(&log, nil)).Info("opened", "key", form)
			slog.New(slog.NewJSONHandler(&log, nil)).Info("opened", "key", form)
			requireHidden(t, raw, log.String())
			requireHidden(t, raw, panicText(form))
		}
	}
	require.Equal(t, "[secret]", key.String())
	require.Equal(t, "[secret]", fmt.Sprintf("%#v", key))
	text, err := json.Marshal(struct{ K seal.Key }{key})
	require.NoError(t, err)
	require.JSONEq(t, `{"K":"[secret]"}`, string(text))
}

func panicText(v any) (text string) {
	defer func() { text = fmt.Sprintf("panic: %v %+v", recover(), recover()) }()
	panic(v)
}

func requireHidden(t *testing.T, raw []byte, text string) {
	t.Helper()
	for _, form := range asText(raw) {
		require.NotContains(t, text, form)
	}
}

func TestKeysAreNotEncodedByAccident(t *testing.T) {
	t.Parallel()
	type paper struct {
		Key seal.Key `cbor:"1,keyasint"`
	}
	_, err := seal.Marshal(paper{seal.NewKey()})
	require.ErrorIs(t, err, seal.ErrArgument)
	_, err = seal.Marshal([]*seal.SigningKey{})
	require.ErrorIs(t, err, seal.ErrArgument)
	_, err = seal.NewKey().MarshalCBOR()
	require.Error(t, err)
}

// No error of this package repeats what it was given.
func TestErrorsRepeatNothing(t *testing.T) {
	t.Parallel()
	raw := []byte("the secret body of 32 characters")
	for _, w := range ways(t) {
		envelope, err := w.seal(item(), raw, raw)
		require.NoError(t, err)
		for _, open := range []func(seal.Context, []byte) ([]byte, []byte, error){w.open, w.stranger} {
			_, _, err = open(document(), envelope)
			requireHidden(t, raw, err.Error())
			_, _, err = open(item(), envelope[:len(envelope)-1])
			requireHidden(t, raw, err.Error())
		}
	}
	_, err := seal.KeyFromBytes(raw[:31])
	requireHidden(t, raw[:31], err.Error())
	var small struct {
		A uint8 `cbor:"1,keyasint"`
	}
	body, err := seal.Marshal(struct {
		A string `cbor:"1,keyasint"`
	}{string(raw)})
	require.NoError(t, err)
	requireHidden(t, raw, seal.Unmarshal(body, &small).Error())
}

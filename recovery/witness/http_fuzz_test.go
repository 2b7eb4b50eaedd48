package witness_test

import (
	"bytes"
	"crypto/ed25519"
	"crypto/tls"
	"crypto/x509"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"reconnect.example/recovery/witness"
)

// FuzzRequest: whatever a client with a good key sends to whatever call is
// answered with 200 or a code, and changes nothing unless it is the one spelling
// of a request.
func FuzzRequest(f *testing.F) {
	vault, counter := strings.Repeat("01", 16), strings.Repeat("02", 32)
	head := `{"head":"shared","restore":0,"version":18446744073709551615,"hash":"` + counter + `"}`
	for call, body := range map[string]string{
		"latest":     `{"vault":"` + vault + `"}`,
		"raise":      `{"vault":"` + vault + `","heads":[` + head + `],"owner":null,"durable":true}`,
		"keep":       `{"vault":"` + vault + `","owner":"AQID","side":[{"key":"<a>","value":"AA=="}]}`,
		"owner-side": `{"vault":"` + vault + `"}`,
		"restore":    `{"vault":"` + vault + `","statement":"AQID"}`,
		"restored":   `{"vault":"` + vault + `"}`,
		"vaults":     `{"after":"` + vault + `","limit":-1}`,
		"forks":      `{"vault":"` + vault + `"}`,
		"count":      `{"vault":"` + vault + `","counter":"` + counter + `"}`,
		"reset":      `{"vault":"` + vault + `","counter":"` + counter + `","statement":null}`,
		"evaluate":   `{"vault":"` + vault + `","counter":"` + counter + `","input":"` + counter + `","generation":0}`,
		"tried":      `{"vault":"` + vault + `","counter":"` + counter + `"}`,
		"erase":      `{}`,
	} {
		f.Add(call, []byte(body))
	}
	w, err := witness.New(witness.Config{Store: newStore(), Seed: witnessSeed, Operator: operatorKey.Public()})
	require.NoError(f, err)
	f.Cleanup(func() { require.NoError(f, w.Close()) })
	server := newServer(f, served(f, "service", w))
	state := &tls.ConnectionState{PeerCertificates: []*x509.Certificate{leafOf(identity(f, "service"))}}
	f.Fuzz(func(t *testing.T, call string, body []byte) {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "https://witness/v1/latest", bytes.NewReader(body))
		require.NoError(t, err)
		request.URL.Path = "/v1/" + call
		request.Header.Set("Content-Type", "application/json")
		request.TLS = state
		recorder := httptest.NewRecorder()
		server.ServeHTTP(recorder, request)
		answer := recorder.Body.String()
		if recorder.Code != http.StatusOK {
			require.Regexp(t, `^\{"code":"[a-z-]+"\}$`, answer)
			return
		}
		require.True(t, strings.HasPrefix(answer, `{"vault":"`) || strings.HasPrefix(answer, `{"after":"`), answer)
		require.NotContains(t, string(body), " ", "another spelling was taken")
	})
}

func leafOf(i *witness.Identity) *x509.Certificate {
	return &x509.Certificate{PublicKey: ed25519.NewKeyFromSeed(i.Seed()).Public()}
}

// FuzzAnswer: whatever a witness answers to whatever call, the client says what
// it was in an error of the closed set, or returns what can be.
func FuzzAnswer(f *testing.F) {
	vault := strings.Repeat("01", 16)
	whole := lies()
	for _, name := range slices.Sorted(maps.Keys(whole)) {
		f.Add(whole[name].call, uint16(http.StatusOK), []byte(whole[name].answer))
	}
	for call, answer := range map[string]string{
		"latest": `{"vault":"` + vault + `","heads":[]}`, "raise": `{"vault":"` + vault + `","heads":null}`,
		"keep": `{"vault":"` + vault + `"}`, "owner-side": `{"vault":"` + vault + `","owner":"AQID","side":[]}`,
		"restored": `{"vault":"` + vault + `","complete":null}`, "forks": `{"vault":"` + vault + `","forks":null}`,
		"vaults":   `{"after":"` + strings.Repeat("0", 32) + `","vaults":["` + vault + `"]}`,
		"evaluate": `{"vault":"` + vault + `","counter":"` + hexOf(password[:]) + `","total":20,"failed":20,"wait":0,"spent":true,"generation":0,"output":null}`,
		"tried":    `{"vault":"` + vault + `","counter":"` + hexOf(password[:]) + `","total":3,"failed":3,"wait":0,"spent":false}`,
		"count":    `{"vault":"` + vault + `","counter":"` + hexOf(password[:]) + `","total":9,"failed":9,"wait":900000}`,
	} {
		f.Add(call, uint16(http.StatusOK), []byte(answer))
	}
	f.Add("count", uint16(http.StatusGone), []byte(`{"code":"erased"}`))
	var answer []byte
	var status int
	client := speaking(f, func(w http.ResponseWriter, _ *http.Request) { says(status, string(answer))(w, nil) })
	f.Fuzz(func(t *testing.T, call string, code uint16, body []byte) {
		answer, status = body, 200+int(code)%400
		err := told(t.Context(), client, call)
		if err != nil {
			require.True(t, oneOf(err, witness.ErrInvalid, witness.ErrForged, witness.ErrUntrustedKey, witness.ErrUnregistered, witness.ErrErased,
				witness.ErrRestore, witness.ErrStatement, witness.ErrGeneration, witness.ErrUnavailable, witness.ErrDamaged, witness.ErrClosed), "%v", err)
			require.Less(t, len(err.Error()), 500)
			return
		}
		require.Equal(t, http.StatusOK, status)
		tries, err := client.Count(t.Context(), [16]byte([]byte(strings.Repeat("\x01", 16))), password)
		if err == nil {
			require.True(t, tries.Wait > 0 || tries.Failed > 0 && tries.Failed <= tries.Total, "%v", tries)
		}
	})
}

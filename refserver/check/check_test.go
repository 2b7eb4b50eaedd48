package check_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"io"
	"io/fs"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/stretchr/testify/require"

	"reconnect.example/internal/testkeys"
	"reconnect.example/internal/testservices"
	"reconnect.example/recovery/witness"
	"reconnect.example/refserver/check"
	"reconnect.example/refserver/config"
	"reconnect.example/refserver/engines"
	"reconnect.example/storage"
	"reconnect.example/storage/bucket"
	"reconnect.example/storage/memstore"
)

const aKey = "base64key://smGbjm71Nxd1Ig5FS0wj9SlbzAIrnolCz9bQQ6uAhl4="

func parsed(t *testing.T, args ...string) *config.Config {
	t.Helper()
	testkeys.UseCheapKDF()
	c, err := config.Parse(append([]string{"check"}, args...), io.Discard)
	require.NoError(t, err)
	return c
}

// run checks a configuration and returns what it says, in both forms.
func run(t *testing.T, args ...string) (findings []check.Finding, text string, err error) {
	t.Helper()
	findings = check.Run(t.Context(), parsed(t, args...), nil)
	var words, data bytes.Buffer
	err = check.Print(&words, findings, "text")
	require.Equal(t, err, check.Print(&data, findings, "json"))
	var again []check.Finding
	require.NoError(t, json.Unmarshal(data.Bytes(), &again))
	require.Equal(t, findings, again)
	for _, f := range findings {
		require.Equal(t, f.Level == check.Good, f.Do == "", "what is not good says what to do: %s", f.Says)
	}
	return findings, words.String(), err
}

// problems are what is wrong in one part.
func problems(findings []check.Finding, part string) (said []string) {
	for _, f := range findings {
		if f.Part == part && f.Level == check.Problem {
			said = append(said, f.Says)
		}
	}
	return said
}

// everything lists a folder with the contents of its files.
func everything(t *testing.T, folder string) map[string]string {
	t.Helper()
	all := map[string]string{}
	require.NoError(t, filepath.WalkDir(folder, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			all[path] = ""
			return err
		}
		content, err := os.ReadFile(path)
		all[path] = string(content)
		return err
	}))
	return all
}

// used is a data folder that a server was started on.
func used(t *testing.T, args ...string) string {
	t.Helper()
	folder := filepath.Join(t.TempDir(), "data")
	e, err := engines.Open(t.Context(), parsed(t, append([]string{"--data", folder}, args...)...))
	require.NoError(t, err)
	require.NoError(t, e.Close())
	return folder
}

func TestACheckBeforeTheFirstStartMakesNothing(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	_, text, err := run(t, "--data", filepath.Join(folder, "data"))
	require.NoError(t, err, text)
	require.Contains(t, text, "The first start makes it.")
	require.Len(t, everything(t, folder), 1)
}

func TestACheckOfAFolderInUseChangesNothing(t *testing.T) {
	t.Parallel()
	folder := used(t)
	before := everything(t, folder)
	findings, text, err := run(t, "--data", folder)
	require.NoError(t, err, text)
	require.Contains(t, text, "The store of records (sqlite) writes, reads and removes.")
	require.Contains(t, text, "The key service opens the keys of this store.")
	require.Contains(t, text, "The operator's key lies on this machine")
	after := everything(t, folder)
	delete(before, filepath.Join(folder, "records.db")) // its pages were written and freed
	delete(after, filepath.Join(folder, "records.db"))
	require.Equal(t, before, after)
	require.Empty(t, problems(findings, "machine"))
}

func TestAKeyThatIsNotTheStoresIsFoundBeforeTheStart(t *testing.T) {
	t.Parallel()
	folder := used(t)
	findings, _, err := run(t, "--data", folder, "--keys", aKey)
	require.ErrorIs(t, err, check.ErrFound)
	require.Contains(t, strings.Join(problems(findings, "keys"), "\n"), "does not open the keys of this store")
	require.NoError(t, os.Remove(filepath.Join(folder, "service.key")))
	findings, text, err := run(t, "--data", folder)
	require.ErrorIs(t, err, check.ErrFound)
	require.Contains(t, strings.Join(problems(findings, "keys"), "\n"), "its key file is missing")
	require.Contains(t, text, "Put the key file back")
	require.NoFileExists(t, filepath.Join(folder, "service.key"), "a new one would open nothing")
}

func TestWhatOthersCanReadIsFound(t *testing.T) {
	t.Parallel()
	folder := used(t)
	require.NoError(t, os.Chmod(folder, 0o755)) //nolint:gosec // that is the point
	secret := filepath.Join(t.TempDir(), "keys")
	require.NoError(t, os.WriteFile(secret, []byte("file://"+filepath.Join(folder, "service.key")), 0o644)) //nolint:gosec // likewise
	require.NoError(t, os.Chmod(filepath.Join(folder, "witness.key"), 0o640))                               //nolint:gosec // likewise
	findings, text, err := run(t, "--data", folder, "--keys", "@"+secret)
	require.ErrorIs(t, err, check.ErrFound)
	require.Len(t, problems(findings, "folder"), 1)
	require.Len(t, problems(findings, "files"), 2, text)
	require.Contains(t, text, "chmod 600 "+secret)

	_, text, err = run(t, "--data", filepath.Join(t.TempDir(), "data"), "--alone", "--records", "postgres://safe@127.0.0.1:1/safe?passfile="+secret)
	require.ErrorIs(t, err, check.ErrFound)
	require.Contains(t, text, "chmod 600 "+secret, "also a file of passwords that a URL names")

	file := filepath.Join(t.TempDir(), "config.yaml")
	for content, problem := range map[string]bool{"keys: " + aKey: true, "zone: Europe/Paris": false} {
		require.NoError(t, os.WriteFile(file, []byte(content), 0o644)) //nolint:gosec // likewise
		_, text, _ = run(t, "--data", filepath.Join(t.TempDir(), "data"), "--config", file)
		require.Equal(t, problem, strings.Contains(text, "chmod 600 "+file), text)
	}
}

func TestTheWayToTheServerIsLookedAt(t *testing.T) {
	t.Parallel()
	folder := filepath.Join(t.TempDir(), "data")
	findings, _, _ := run(t, "--data", folder, "--listen", "0.0.0.0:443")
	require.Len(t, problems(findings, "tls"), 1)
	for name, c := range map[string]struct {
		until time.Duration
		want  check.Level
	}{"ended": {-time.Hour, check.Problem}, "soon": {48 * time.Hour, check.Warning}, "good": {90 * 24 * time.Hour, check.Good}} {
		cert, key := certificate(t, c.until)
		findings, text, _ := run(t, "--data", folder, "--listen", "0.0.0.0:443", "--tls-cert", cert, "--tls-key", key)
		found := false
		for _, f := range findings {
			if f.Part == "tls" {
				found = true
				require.Equal(t, c.want, f.Level, name)
			}
		}
		require.True(t, found, text)
	}
}

func certificate(t *testing.T, left time.Duration) (cert, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-48 * time.Hour), NotAfter: time.Now().Add(left), DNSNames: []string{"localhost"}}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	require.NoError(t, err)
	secret, err := x509.MarshalPKCS8PrivateKey(private)
	require.NoError(t, err)
	folder := t.TempDir()
	cert, key = filepath.Join(folder, "cert.pem"), filepath.Join(folder, "key.pem")
	require.NoError(t, os.WriteFile(cert, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600))
	require.NoError(t, os.WriteFile(key, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret}), 0o600))
	return cert, key
}

// parties are a witness that runs and the identities of those around it.
type parties struct {
	url, server, signs       string
	mine, stranger, operator *witness.Identity
	folder                   string // operator.key lies here
	minePath, strangerPath   string
}

func newParties(t *testing.T) *parties {
	t.Helper()
	folder := t.TempDir()
	require.NoError(t, os.Chmod(folder, 0o700)) //nolint:gosec // a folder needs x
	open := func(name string) (*witness.Identity, string) {
		path := filepath.Join(folder, name)
		identity, err := witness.OpenIdentity(path)
		require.NoError(t, err)
		return identity, path
	}
	p := &parties{folder: folder}
	server, _ := open("server")
	signs, _ := open("signs")
	p.mine, p.minePath = open("mine")
	p.stranger, p.strangerPath = open("stranger")
	p.operator, _ = open("operator.key")
	public := p.operator.Public()
	w, err := witness.New(witness.Config{Store: storage.New(memstore.New()), Seed: signs.Seed(), Operator: public[:]})
	require.NoError(t, err)
	s, err := witness.NewServer(witness.ServerConfig{Identity: server, Clients: []witness.ServedClient{{Name: "me", Key: p.mine.Public(), Witness: w}}})
	require.NoError(t, err)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	h, done := s.HTTP(), make(chan error, 1)
	h.ErrorLog = log.New(io.Discard, "", 0)
	go func() { done <- h.ServeTLS(listener, "", "") }()
	t.Cleanup(func() {
		require.NoError(t, h.Shutdown(context.WithoutCancel(t.Context())))
		require.ErrorIs(t, <-done, http.ErrServerClosed)
		require.NoError(t, w.Close())
	})
	p.url, p.server, p.signs = "https://"+listener.Addr().String(), server.Public().String(), signs.Public().String()
	return p
}

// args names the witness, and me by an identity file.
func (p *parties) args(identity string, more ...string) []string {
	return append([]string{
		"--data", p.folder, "--witness", p.url, "--witness-key", p.server, "--witness-signs", p.signs,
		"--operator-key", p.operator.Public().String(), "--witness-identity", identity,
	}, more...)
}

func TestTheWitnessMustKnowTheServerAndItsOperator(t *testing.T) {
	t.Parallel()
	p := newParties(t)
	findings, text, _ := run(t, p.args(p.minePath)...)
	require.Empty(t, problems(findings, "witness"))
	require.Contains(t, text, "The witness is the one whose key was given, and knows this server.")
	require.Contains(t, text, "The witness takes restore statements of this operator.")

	findings, _, err := run(t, p.args(p.strangerPath)...)
	require.ErrorIs(t, err, check.ErrFound)
	require.Contains(t, strings.Join(problems(findings, "witness"), "\n"), "does not answer this server")

	findings, _, _ = run(t, p.args(p.minePath, "--witness-key", p.stranger.Public().String())...)
	require.Len(t, problems(findings, "witness"), 1, "somebody else passes for the witness")

	findings, _, err = run(t, p.args(p.minePath, "--witness-signs", p.stranger.Public().String())...)
	require.ErrorIs(t, err, check.ErrFound)
	require.Len(t, problems(findings, "witness"), 1)
	require.Contains(t, problems(findings, "witness")[0], "does not sign with the key of --witness-signs")
	findings, text, _ = run(t, p.args(p.minePath)...)
	require.Empty(t, problems(findings, "witness"))
	require.Contains(t, text, "it has vouched for the key to which the policies of ways back in are closed")

	findings, text, _ = run(t, p.args(filepath.Join(p.folder, "none"))...)
	require.Len(t, problems(findings, "witness"), 1)
	require.Contains(t, text, "refserver witness identity")
	require.NoFileExists(t, filepath.Join(p.folder, "none"))

	// The operator's key is another one than the witness was told.
	require.NoError(t, os.Rename(p.strangerPath, filepath.Join(p.folder, "operator.key")))
	findings, _, _ = run(t, p.args(p.minePath, "--operator-key", p.stranger.Public().String())...)
	require.Contains(t, strings.Join(problems(findings, "witness"), "\n"), "does not take restore statements of this operator")
	findings, _, _ = run(t, p.args(p.minePath)...)
	require.Contains(t, strings.Join(problems(findings, "witness"), "\n"), "is not the public half")
	require.NoError(t, os.Remove(filepath.Join(p.folder, "operator.key")))
	findings, text, _ = run(t, p.args(p.minePath)...)
	require.Empty(t, problems(findings, "witness"))
	require.Contains(t, text, "The operator's key is not on this machine, as it should be")
	require.NotContains(t, text, "The operator's key lies on this machine")
}

func TestSharedServicesAreTriedAndLeftAsTheyWere(t *testing.T) {
	t.Parallel()
	p, records, blobs := newParties(t), testservices.Postgres(t), testservices.S3(t)
	shared := p.args(p.minePath, "--records", records, "--blobs", blobs, "--keys", aKey)
	findings, text, err := run(t, shared...)
	require.NoError(t, err, text)
	require.Contains(t, text, "The store of records (postgres) writes, reads and removes.")
	require.Contains(t, text, "The store of documents (s3) writes, reads, also in parts, and deletes.")
	require.Contains(t, text, "The clock of this machine agrees with that of the store of documents.")
	require.Contains(t, text, "The key service (base64key) seals and opens")
	require.Contains(t, text, "Several servers may run with this configuration")
	require.Contains(t, text, "The password in --keys is on the command line")
	for _, f := range findings {
		require.NotContains(t, f.Says+f.Do, strings.TrimPrefix(aKey, "base64key://"))
	}
	store, err := storage.Open(t.Context(), records)
	require.NoError(t, err)
	left, err := store.Scan(t.Context(), "", "", 10)
	require.NoError(t, err)
	require.Empty(t, left)
	require.NoError(t, store.Close())
	require.Equal(t, []string{bucket.Marker}, objects(t, blobs))
}

func TestAShareOfStrangersThatLeavesPeopleLittleIsSaid(t *testing.T) {
	t.Parallel()
	_, text, _ := run(t, "--data", t.TempDir(), "--left-share", "51")
	require.Contains(t, text, "Strangers with a link may fill 51 percent of a space.")
	_, text, _ = run(t, "--data", t.TempDir(), "--left-share", "50")
	require.NotContains(t, text, "percent of a space")
}

func TestAClockThatIsWrongIsFound(t *testing.T) {
	t.Parallel()
	service := testservices.S3Handler("vault")
	for off, want := range map[time.Duration]string{time.Hour: "behind", -time.Hour: "ahead"} {
		elsewhere := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Date", time.Now().Add(off).UTC().Format(http.TimeFormat))
			service.ServeHTTP(w, r)
		}))
		t.Cleanup(elsewhere.Close)
		_, text, _ := run(t, "--data", t.TempDir(), "--blobs", testservices.S3URL("vault", elsewhere.URL))
		require.Regexp(t, "The clock of this machine is (59m5[0-9]s|1h0m[0-9]+s) "+want, text)
	}
}

func objects(t *testing.T, rawURL string) (names []string) {
	t.Helper()
	client, name := testservices.S3Client(t, rawURL)
	page, err := client.ListObjectsV2(t.Context(), &s3.ListObjectsV2Input{Bucket: &name})
	require.NoError(t, err)
	for _, o := range page.Contents {
		names = append(names, *o.Key)
	}
	return names
}

func TestServicesThatFailAreNamedWithoutTheirSecrets(t *testing.T) {
	t.Parallel()
	const secret = "geheim"
	service := testservices.S3Handler("vault")
	forgetful := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.Header.Del("If-None-Match") // as services do that never heard of it
		service.ServeHTTP(w, r)
	}))
	t.Cleanup(forgetful.Close)
	nobody := newParties(t)
	for name, c := range map[string]struct {
		part string
		args []string
	}{
		"nobody listens":      {"records", []string{"--records", "postgres://safe:" + secret + "@127.0.0.1:1/safe"}},
		"no such host":        {"records", []string{"--records", "postgres://safe:" + secret + "@nowhere.invalid/safe?sslmode=disable"}},
		"a wrong option":      {"records", []string{"--records", "postgres://safe@127.0.0.1:1/safe?passwort=" + secret}},
		"no bucket":           {"documents", []string{"--blobs", strings.Replace(testservices.S3(t), "s3://vault", "s3://"+secret, 1)}},
		"conditions unheeded": {"documents", []string{"--blobs", testservices.S3URL("vault", forgetful.URL)}},
		"an unknown keeper":   {"keys", []string{"--keys", "hashivault://" + secret}},
		"no key":              {"keys", []string{"--keys", "base64key://"}},
		"a wrong key":         {"keys", []string{"--keys", "base64key://" + secret}},
		"no key file":         {"keys", []string{"--keys", "file:///nowhere/service.key"}},
		"no witness":          {"witness", nobody.args(nobody.minePath, "--witness", "https://127.0.0.1:1")},
	} {
		findings, text, err := run(t, append([]string{"--alone", "--data", t.TempDir()}, c.args...)...)
		require.ErrorIs(t, err, check.ErrFound, "%s: %s", name, text)
		require.Len(t, problems(findings, c.part), 1, "%s: %s", name, text)
		require.NotContains(t, text, secret, name)
	}
}

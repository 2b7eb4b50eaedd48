package main

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"reconnect.example/refserver/admin"
	"reconnect.example/storage"
)

func TestTheServerSaysWhereItIsAndWhatItIsNot(t *testing.T) {
	t.Parallel()
	r := start(t, filepath.Join(shortDir(t), "data"))
	require.Regexp(t, `^http://localhost:[0-9]+$`, r.url)
	require.Contains(t, r.out.String(), "For one machine only")
	require.Contains(t, r.out.String(), "service.key")
	require.NotContains(t, r.out.String(), "WARNING")
	require.Empty(t, r.login, "no sample person unless asked for")
	status, body := fetch(t, r.url+"/healthz")
	require.Equal(t, []any{http.StatusOK, "ok\n"}, []any{status, body})
	status, body = fetch(t, r.url+"/readyz")
	require.Equal(t, []any{http.StatusOK, "ready\n"}, []any{status, body})
	status, body = fetch(t, r.url+"/")
	require.Equal(t, http.StatusOK, status)
	require.Contains(t, body, "Entrer dans mon espace")
	status, body = fetch(t, r.url+"/api/v1/items")
	require.Equal(t, http.StatusUnauthorized, status)
	require.Contains(t, body, "https://reconnect.example/problems/session-ended")
}

func TestTheDataFolderIsForItsOwnerAlone(t *testing.T) {
	t.Parallel()
	folder := filepath.Join(shortDir(t), "data")
	start(t, folder, "--demo")
	require.NoError(t, filepath.WalkDir(folder, func(path string, d os.DirEntry, err error) error {
		require.NoError(t, err)
		info, err := d.Info()
		require.NoError(t, err)
		require.Zero(t, info.Mode().Perm()&0o077, "%s has mode %s", path, info.Mode())
		return nil
	}))
}

func TestListeningBeyondThisMachineWithoutHTTPSIsWarnedAbout(t *testing.T) {
	t.Parallel()
	r := start(t, filepath.Join(shortDir(t), "data"), "--listen", "0.0.0.0:0")
	require.Contains(t, r.out.String(), "WARNING")
	require.Contains(t, r.logs.String(), "without HTTPS")
}

func TestWithACertificateItSpeaksHTTPS(t *testing.T) {
	t.Parallel()
	cert, key := selfSigned(t)
	r := start(t, filepath.Join(shortDir(t), "data"), "--demo", "--tls-cert", cert, "--tls-key", key)
	require.Regexp(t, `^https://localhost:[0-9]+$`, r.url)
	require.NotContains(t, r.out.String(), "There is no HTTPS")
	v := visit(t, r)
	status, path, body := v.upload("Over HTTPS", pdf(3_000_000))
	require.Equal(t, http.StatusSeeOther, status, body)
	answer, got, err := v.do(http.MethodGet, path+"/file", "", nil)
	require.NoError(t, err)
	require.Equal(t, string(pdf(3_000_000)), got)
	require.Equal(t, "HTTP/2.0", answer.Proto)
	require.NotEmpty(t, answer.Header.Get("Strict-Transport-Security"))
	_, err = command(t, "x", "--tls-cert", key, "--tls-key", cert)
	require.ErrorContains(t, err, "--tls-cert")
}

// A half-written renewal keeps the former certificate, and a whole one is used from the
// next connection on. Nobody is signed out.
func TestARenewedCertificateIsTakenWithoutARestart(t *testing.T) {
	t.Parallel()
	cert, key := selfSigned(t)
	r := start(t, filepath.Join(shortDir(t), "data"), "--tls-cert", cert, "--tls-key", key)
	shown := func() []byte {
		conn, err := tls.Dial("tcp", strings.TrimPrefix(r.url, "https://"), &tls.Config{InsecureSkipVerify: true}) //nolint:gosec // the test's own certificate
		require.NoError(t, err)
		defer conn.Close()
		require.GreaterOrEqual(t, conn.ConnectionState().Version, uint16(tls.VersionTLS12))
		return conn.ConnectionState().PeerCertificates[0].Raw
	}
	first := shown()
	require.Equal(t, first, shown())
	newCert, newKey := selfSigned(t)
	renew := func(from, to string, age time.Duration) {
		content, err := os.ReadFile(from)
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(to, content, 0o600))
		require.NoError(t, os.Chtimes(to, time.Time{}, time.Now().Add(age))) // a clock of full seconds must not matter here
	}
	renew(newCert, cert, time.Minute)
	require.Equal(t, first, shown(), "the key is not there yet")
	require.NoError(t, os.Remove(key))
	require.Equal(t, first, shown(), "nor now")
	renew(newKey, key, 2*time.Minute)
	second := shown()
	require.NotEqual(t, first, second)
	require.Equal(t, second, shown())
	require.Contains(t, r.logs.String(), "the certificate was renewed")
}

// selfSigned makes a certificate for localhost.
func selfSigned(t *testing.T) (cert, key string) {
	t.Helper()
	public, private, err := ed25519.GenerateKey(rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{SerialNumber: big.NewInt(1), DNSNames: []string{"localhost"}, NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, public, private)
	require.NoError(t, err)
	pkcs8, err := x509.MarshalPKCS8PrivateKey(private)
	require.NoError(t, err)
	folder := t.TempDir()
	cert, key = filepath.Join(folder, "cert.pem"), filepath.Join(folder, "key.pem")
	require.NoError(t, os.WriteFile(cert, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600))
	require.NoError(t, os.WriteFile(key, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs8}), 0o600))
	return cert, key
}

func TestTheSamplePersonIsMadeOnceAndKept(t *testing.T) {
	t.Parallel()
	folder := filepath.Join(shortDir(t), "data")
	r := start(t, folder, "-demo")
	login, secret := r.login, r.secret
	v := visit(t, r)
	home := v.get("/")
	for _, words := range []string{"Rendez-vous CAF", "Attestation d’élection de domicile", "7 papiers", "4 contacts", "1 note"} {
		require.Contains(t, home, words)
	}
	require.Contains(t, v.get("/papers"), "Identité")
	v.post("/notes/add", url.Values{"title": {"Ma propre note"}, "text": {"x"}})
	r.end(t)
	require.NoError(t, r.err)

	r = start(t, folder, "--demo")
	require.Equal(t, []string{login, secret}, []string{r.login, r.secret})
	v = visit(t, r)
	home = v.get("/")
	for _, words := range []string{"7 papiers", "4 contacts", "2 notes"} {
		require.Contains(t, home, words)
	}
	answer, body := v.post("/close", url.Values{"how": {"erase"}, "sure": {"1"}, "password": {secret}})
	require.Equal(t, http.StatusOK, answer.StatusCode, body)
	r.end(t)

	r = start(t, folder, "--demo")
	require.NotEqual(t, login, r.login, "closed for good: another sample person")
	require.Contains(t, visit(t, r).get("/"), "7 papiers")
}

func TestASecondServerOnTheSameDataIsRefused(t *testing.T) {
	t.Parallel()
	r := start(t, filepath.Join(shortDir(t), "data"), "--demo")
	_, err := command(t, r.folder, "serve", "--listen", "127.0.0.1:0")
	require.ErrorIs(t, err, storage.ErrInUse)
	require.Contains(t, inPlainWords(err), "another server uses this data folder already. Stop it first, or choose another folder with --data.")
	require.Contains(t, visit(t, r).get("/"), "7 papiers", "the first one goes on")
	_, err = command(t, r.folder, "admin", "status")
	require.NoError(t, err, "its private socket too")
}

func TestAnAddressThatIsTakenIsNamedClearly(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer listener.Close()
	folder := filepath.Join(shortDir(t), "data")
	_, err = command(t, folder, "--listen", listener.Addr().String())
	require.ErrorIs(t, err, syscall.EADDRINUSE)
	require.Contains(t, inPlainWords(err), "another program listens on this address already")
	require.Contains(t, inPlainWords(err), "--listen")
	start(t, folder) // nothing is left locked
}

func TestADataFolderThatCannotBeWrittenIsNamedClearly(t *testing.T) {
	t.Parallel()
	nobody := asNobody(t)
	folder := shortDir(t)
	require.NoError(t, os.Chmod(folder, 0o755)) //nolint:gosec // the other user looks into it
	for _, data := range []string{folder, filepath.Join(folder, "data")} {
		p := spawn(t, nobody, serving(data)...)
		require.Equal(t, 1, p.wait(t))
		require.Contains(t, p.logs.String(), "the data folder cannot be written by this user")
	}
}

func TestWhatStoppedServersLeftIsFoundAgain(t *testing.T) {
	t.Parallel()
	folder := filepath.Join(shortDir(t), "data")
	p := spawn(t, nil, serving(folder, "--demo")...)
	v := visit(t, p.running(t, folder))
	status, path, _ := v.upload("Kept", pdf(3_000_000))
	require.Equal(t, http.StatusSeeOther, status)
	require.NoError(t, p.Process.Signal(syscall.SIGTERM))
	require.Equal(t, 0, p.wait(t), p.logs.String())
	require.NoFileExists(t, filepath.Join(folder, admin.SocketName))

	// Killed in the middle of an upload, with no time for anything.
	p = spawn(t, nil, serving(folder, "--demo")...)
	v = visit(t, p.running(t, folder))
	contentType, form := paper(t, "Half", pdf(30_000_000))
	reader, writer := io.Pipe()
	broken := make(chan error, 1)
	go func() {
		_, _, err := v.do(http.MethodPost, "/papers/add", contentType, reader)
		broken <- err
	}()
	_, err := writer.Write(form[:len(form)/2])
	require.NoError(t, err)
	require.NoError(t, p.Process.Kill())
	<-p.ended
	require.NoError(t, writer.Close())
	require.Error(t, <-broken)

	v = visit(t, start(t, folder, "--demo"))
	require.Equal(t, string(pdf(3_000_000)), v.get(path+"/file"))
	list := v.get("/papers")
	require.Contains(t, list, "Kept")
	require.NotContains(t, list, "Half")
}

func TestAFullDiskRefusesAndLosesNothing(t *testing.T) {
	t.Parallel()
	folder := filepath.Join(shortDir(t), "data")
	p := spawn(t, func(c *exec.Cmd) { c.Env = append(c.Env, fileLimit+"=8000000") }, serving(folder, "--demo")...)
	v := visit(t, p.running(t, folder))
	status, small, body := v.upload("Small", pdf(100_000))
	require.Equal(t, http.StatusSeeOther, status, body)
	status, _, body = v.upload("Large", pdf(9_000_000))
	require.Equal(t, http.StatusServiceUnavailable, status)
	require.Contains(t, body, "Le stockage ne répond pas. Ce qui était enregistré est en sécurité.")
	require.Equal(t, string(pdf(100_000)), v.get(small+"/file"), "the server goes on")
	require.NotContains(t, v.get("/papers"), "Large")
	require.NotRegexp(t, personal, p.logs.String())
}

func TestStoppingLetsAnUploadFinish(t *testing.T) {
	t.Parallel()
	r := start(t, filepath.Join(shortDir(t), "data"), "--demo")
	v := visit(t, r)
	contentType, form := paper(t, "Last", pdf(30_000_000)) // more than the network holds
	reader, writer := io.Pipe()
	type result struct {
		status int
		err    error
	}
	finished := make(chan result, 1)
	go func() {
		answer, _, err := v.do(http.MethodPost, "/papers/add", contentType, reader)
		if err != nil {
			finished <- result{0, err}
			return
		}
		finished <- result{answer.StatusCode, nil}
	}()
	_, err := writer.Write(form[:len(form)/2])
	require.NoError(t, err)
	r.stop()
	require.Eventually(t, func() bool { return strings.Contains(r.logs.String(), "stopping") }, time.Minute, 5*time.Millisecond)
	_, err = writer.Write(form[len(form)/2:])
	require.NoError(t, err)
	require.NoError(t, writer.Close())
	require.Equal(t, result{http.StatusSeeOther, nil}, <-finished)
	r.end(t)
	require.NoError(t, r.err)
	require.Contains(t, visit(t, start(t, r.folder, "--demo")).get("/papers"), "Last")
}

func TestStoppingDoesNotWaitForEver(t *testing.T) {
	t.Parallel()
	r := start(t, filepath.Join(shortDir(t), "data"), "--demo", "--shutdown-wait", "50ms")
	v := visit(t, r)
	contentType, form := paper(t, "Never", pdf(30_000_000))
	reader, writer := io.Pipe()
	failed := make(chan error, 1)
	go func() {
		_, _, err := v.do(http.MethodPost, "/papers/add", contentType, reader)
		failed <- err
	}()
	_, err := writer.Write(form[:len(form)/2])
	require.NoError(t, err)
	r.end(t)
	require.NoError(t, r.err)
	require.NoError(t, writer.Close())
	require.Error(t, <-failed)
	require.NotContains(t, visit(t, start(t, r.folder, "--demo")).get("/papers"), "Never")
}

// personal is what a log must not hold: ids, logins, addresses, titles.
var personal = regexp.MustCompile(`[a-z2-7]{26}|[0-9]{4} [0-9]{4} [0-9]{4}|127\.0\.0\.1|Large|Small|Secret-title|Camille`)

func TestLogsHoldNothingPersonal(t *testing.T) {
	t.Parallel()
	r := start(t, filepath.Join(shortDir(t), "data"), "--demo", "--sweep-every", "1s", "--log-level", "trace")
	v := visit(t, r)
	status, path, _ := v.upload("Secret-title", pdf(10_000))
	require.Equal(t, http.StatusSeeOther, status)
	// What is wrong in the store is told to the operator, without saying whose it is.
	breakBlobs(t, r.folder)
	answer, body, err := v.do(http.MethodGet, path+"/file", "", nil)
	require.NoError(t, err)
	require.Equal(t, http.StatusInternalServerError, answer.StatusCode)
	require.Contains(t, body, "Cet élément a été modifié hors de votre espace.")
	require.Eventually(t, func() bool { return strings.Contains(r.logs.String(), "a page failed") }, time.Minute, 10*time.Millisecond, r.logs.String())
	v.post("/leave", nil)
	r.end(t)
	require.NotRegexp(t, personal, r.logs.String())
	require.NotContains(t, r.logs.String(), r.login)
	require.NotContains(t, r.logs.String(), r.secret)
}

// breakBlobs flips one byte near the end of every stored document.
func breakBlobs(t *testing.T, folder string) {
	t.Helper()
	broken := 0
	require.NoError(t, filepath.WalkDir(filepath.Join(folder, "documents"), func(path string, d os.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		raw, err := os.ReadFile(path)
		if err != nil || len(raw) < 1000 {
			return err
		}
		raw[len(raw)-100] ^= 1
		broken++
		require.NoError(t, os.Chmod(path, 0o600))
		return os.WriteFile(path, raw, 0o600)
	}))
	require.NotZero(t, broken)
}

func TestAttackA12_AnAlteredDocumentIsNeverGivenWhole(t *testing.T) {
	t.Parallel()
	r := start(t, filepath.Join(shortDir(t), "data"), "--demo")
	v := visit(t, r)
	content := pdf(2_000_000)
	_, path, _ := v.upload("Altered", content)
	breakBlobs(t, r.folder)
	for _, what := range []string{"/file", "/preview"} {
		answer, body, err := v.do(http.MethodGet, path+what, "", nil)
		require.True(t, err != nil || answer.StatusCode >= 500, "%s: not a success", what)
		require.Less(t, len(body), len(content))
		require.True(t, strings.HasPrefix(string(content), body) || answer.StatusCode >= 500, "%s: never other bytes", what)
	}
	_, err := http.Get(r.url + "/healthz") //nolint:noctx,bodyclose // only whether it lives
	require.NoError(t, err)
}

func TestSlowStrangersDoNotHoldTheServer(t *testing.T) {
	t.Parallel()
	r := start(t, filepath.Join(shortDir(t), "data"))
	at, err := url.Parse(r.url)
	require.NoError(t, err)
	for _, first := range []string{"", "GET / HTTP/1.1\r\nHost: x\r\nX-", "POST /sign-in HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 1000\r\n\r\nlogin="} {
		conn, err := net.Dial("tcp", "127.0.0.1:"+at.Port())
		require.NoError(t, err)
		t.Cleanup(func() { _ = conn.Close() })
		_, err = io.WriteString(conn, first)
		require.NoError(t, err)
	}
	status, _ := fetch(t, r.url+"/sign-in")
	require.Equal(t, http.StatusOK, status)
	huge, err := http.NewRequest(http.MethodGet, r.url+"/", nil) //nolint:noctx // a test
	require.NoError(t, err)
	huge.Header.Set("X-Huge", string(bytes.Repeat([]byte("x"), 64<<10)))
	answer, err := http.DefaultClient.Do(huge)
	require.NoError(t, err)
	defer answer.Body.Close()
	require.Equal(t, http.StatusRequestHeaderFieldsTooLarge, answer.StatusCode)
}

func TestHelpAndMistakesAreAnsweredPlainly(t *testing.T) {
	t.Parallel()
	out, err := command(t, "x", "serve", "--help")
	require.NoError(t, err)
	for _, words := range []string{"--demo", "./reconnect-data", "127.0.0.1:8080", "150000000", "RECONNECT_TLS_KEY"} {
		require.Contains(t, out, words)
	}
	_, err = command(t, "x", "--listen", "nowhere")
	require.ErrorContains(t, err, "--listen")
	require.NoDirExists(t, "x")
	require.Contains(t, inPlainWords(fmt.Errorf("any other: %w", io.ErrNoProgress)), "any other")
}

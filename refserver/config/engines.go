package config

import (
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"slices"
	"strings"

	"reconnect.example/recovery/witness"
)

// Engines say where everything lies. What is empty lies in the data folder.
type Engines struct {
	Records URL `placeholder:"URL" help:"Store of records, such as postgres://user:password@host/base (build with -tags services). Default: SQLite in the data folder."`
	Blobs   URL `placeholder:"URL" help:"Store of documents, such as s3://bucket?region=… (build with -tags services). Default: files in the data folder."`
	Keys    URL `placeholder:"URL" help:"Key service: file:///path/service.key, base64key://…, or any whose driver is built in. Default: a key file in the data folder."`
	Witness URL `placeholder:"URL" help:"Witness, such as https://witness.example.org. Default: one of its own in the data folder."`

	WitnessKey      string `placeholder:"KEY" help:"Public key of the witness, as it prints it. Nobody else can pass for the witness."`
	WitnessSigns    string `placeholder:"KEY" help:"Public key with which the witness signs restore statements, as it prints it. Without it none is taken from a witness elsewhere."`
	WitnessIdentity string `placeholder:"FILE" help:"Who this server is to the witness: a file of refserver witness identity. Default: witness-client.key in the data folder, made if it is missing."`
	// Whose it is, no program can find out.
	WitnessIndependent bool   `help:"The witness is of another organisation than whoever runs this server, so that the two would have to act together to guess somebody's answers. Only then are answers by call offered."`
	OperatorKey        string `placeholder:"KEY" help:"Public key whose statements allow vaults to be put back from a backup. Default: that of operator.key in the data folder, which is made with a witness of its own."`
	Notify             Notify `embed:"" prefix:"notify-"`
	Events             URL    `placeholder:"URL" help:"Queue that is told what happened, and not to whom, as CloudEvents: a URL of gocloud.dev/pubsub (build with -tags services, and import its driver). Default: none."`
	Webhooks           string `placeholder:"FILE" help:"File in JSON or YAML with the programs that are told the same by signed requests: a list of name, url, secrets (refserver admin webhook-secret) and types. Default: none."`
	WebhooksPrivate    bool   `help:"Webhooks may also go to private networks over https://, and over http:// to this machine."`

	Alone bool `help:"No other server serves these vaults: parts that lie on this machine only are allowed beside a shared store of records."`
}

// URL is a setting that may hold a password. However it is printed, it shows its
// scheme alone, so that no log line and no error can give it away.
type URL string

// String returns the scheme.
func (u URL) String() string {
	if u == "" {
		return ""
	}
	return u.Scheme() + ":…"
}

// GoString returns the scheme, as String does.
func (u URL) GoString() string { return u.String() }

// Scheme returns what stands before the first colon.
func (u URL) Scheme() string {
	scheme, _, found := strings.Cut(string(u), ":")
	if !found {
		return ""
	}
	return strings.ToLower(scheme)
}

// Reveal returns the whole URL, for whoever opens it.
func (u URL) Reveal() string { return string(u) }

// hasPassword reports whether the URL names one.
func (u URL) hasPassword() bool {
	if u.Scheme() == "base64key" {
		return true
	}
	parsed, err := url.Parse(string(u))
	if err != nil {
		return false
	}
	_, password := parsed.User.Password()
	return password || parsed.Query().Has("password") || parsed.Query().Has("sslpassword")
}

// InText reports whether a text holds one of the URLs that have a password.
func (e *Engines) InText(text string) bool {
	for _, u := range e.urls() {
		if u.hasPassword() && strings.Contains(text, u.Reveal()) {
			return true
		}
	}
	return false
}

// SecretFiles returns the files with passwords or keys that the URL names, in
// the words of PostgreSQL's URLs.
func (u URL) SecretFiles() (files []string) {
	parsed, err := url.Parse(string(u))
	if err != nil {
		return nil
	}
	for _, name := range []string{"passfile", "sslkey"} {
		if path := parsed.Query().Get(name); path != "" {
			files = append(files, path)
		}
	}
	return files
}

// largestSecret bounds what is read as a secret, in bytes.
const largestSecret = 16 << 10

// urls are the settings that may hold a secret, by the name of their flag.
func (e *Engines) urls() map[string]*URL {
	return map[string]*URL{"records": &e.Records, "blobs": &e.Blobs, "keys": &e.Keys, "witness": &e.Witness, "notify-smtp": &e.Notify.SMTP, "notify-sms": &e.Notify.SMS, "events": &e.Events}
}

// readSecrets replaces each value @FILE by what is in the file: services that
// hand out passwords put them into files, and a list of processes shows flags.
func (e *Engines) readSecrets() (files []string, err error) {
	var problems []error
	for flag, u := range e.urls() {
		path, isFile := strings.CutPrefix(string(*u), "@")
		if !isFile {
			continue
		}
		text, err := readSecret(path)
		if err != nil {
			problems = append(problems, fmt.Errorf("config: --%s names a file that cannot be read: %w", flag, err))
		}
		files = append(files, path)
		*u = URL(text)
	}
	return files, errors.Join(problems...)
}

func readSecret(path string) (string, error) {
	f, err := os.Open(path) //nolint:gosec // named by the operator
	if err != nil {
		return "", err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, largestSecret+1))
	if err != nil {
		return "", err
	}
	if len(text) > largestSecret {
		return "", errors.New("it is too large")
	}
	value := strings.TrimSpace(string(text))
	if value == "" || strings.ContainsAny(value, "\r\n") {
		return "", errors.New("it does not hold one line")
	}
	return value, nil
}

// The schemes of stores that several processes can use at once.
var (
	sharedRecords = []string{"postgres", "postgresql"}
	knownRecords  = append([]string{"sqlite"}, sharedRecords...)
	sharedBlobs   = []string{"s3", "gs", "azblob"}
	knownBlobs    = append([]string{"file"}, sharedBlobs...)
	knownWitness  = []string{"https"}
)

// SharedRecords reports whether several processes can use the store of records.
func (e *Engines) SharedRecords() bool { return slices.Contains(sharedRecords, e.Records.Scheme()) }

// checkRecords holds the store of records against the drivers that there are.
func (e *Engines) checkRecords(expect func(bool, string)) {
	expectScheme(expect, e.Records, "records", knownRecords)
}

func expectScheme(expect func(bool, string), u URL, flag string, schemes []string) {
	expect(u == "" || slices.Contains(schemes, u.Scheme()), "--"+flag+" must begin with one of: "+strings.Join(schemes, ", ")+", and a colon")
}

// check finds what does not fit together.
func (e *Engines) check(expect func(bool, string)) {
	e.checkRecords(expect)
	expectScheme(expect, e.Blobs, "blobs", knownBlobs)
	expectScheme(expect, e.Witness, "witness", knownWitness)
	expect(e.Keys == "" || e.Keys.Scheme() != "", "--keys is not a URL")
	for flag, u := range e.urls() {
		_, err := url.Parse(string(*u))
		expect(err == nil, "--"+flag+" is not a URL; characters of a password that are not letters or digits are written as %xx")
	}
	expect(e.Witness == "" || e.WitnessKey != "", "--witness needs --witness-key: without the key anybody could pass for the witness")
	for flag, value := range map[string]string{"witness-key": e.WitnessKey, "witness-signs": e.WitnessSigns, "witness-identity": e.WitnessIdentity} {
		expect(e.Witness != "" || value == "", "--"+flag+" is given without --witness")
	}
	for flag, key := range map[string]string{"witness-key": e.WitnessKey, "witness-signs": e.WitnessSigns, "operator-key": e.OperatorKey} {
		expect(key == "" || isPublicKey(key), "--"+flag+" is not a public key, which is rw- and seven groups of eight letters and digits; one may be mistyped")
	}
	expect(e.Witness != "" || !e.WitnessIndependent, "--witness-independent is given without --witness: a witness in the data folder is of whoever runs this server")
	expect(e.WitnessSigns == "" || e.OperatorKey != "", "--witness-signs needs --operator-key: a restore takes both")
	if !e.SharedRecords() || e.Alone {
		return
	}
	// A second server would find records without their documents, count guesses
	// for itself, or seal with a key of its own.
	const why = ": --records can be shared by several servers, and so must this; or say with --alone that there is one server only"
	expect(slices.Contains(sharedBlobs, e.Blobs.Scheme()), "--blobs lies on this machine only"+why)
	expect(e.Witness != "", "--witness is missing, so that the witness would lie on this machine only"+why)
	expect(e.Keys != "", "--keys is missing, so that the key would lie on this machine only"+why)
}

func isPublicKey(text string) bool {
	_, err := witness.ParsePublicKey(text)
	return err == nil
}

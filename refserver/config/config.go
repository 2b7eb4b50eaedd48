// Package config reads what the reference server is told: by flags, by
// environment variables (RECONNECT_ and the name of the flag), or by a file in
// JSON or YAML with the same names. A flag wins over the environment, and the
// environment over the file.
package config

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	_ "time/tzdata" // so that every zone is known on a machine that has none

	"github.com/alecthomas/kong"
	"github.com/hashicorp/go-hclog"

	"reconnect.example/refserver/language"
)

// Config is everything that a command needs to know.
type Config struct {
	Data string `placeholder:"FOLDER" help:"Folder that holds what no other setting puts elsewhere: records, documents, keys, witness. One server at a time uses it. Default: ./reconnect-data, and ./reconnect-witness for a witness."`

	Engines `embed:""`
	Relays  `embed:""`

	Recovery Recovery `embed:""`

	Quota          int64         `default:"150000000" placeholder:"BYTES" help:"Space of each person, in bytes. Default: ${default}."`
	QuotaIncreased int64         `placeholder:"BYTES" help:"Space after a granted increase, in bytes. Default: twice the quota."`
	SessionIdle    time.Duration `default:"15m" help:"A person's session ends after this time without use: from a minute to a day."`
	SessionMax     time.Duration `default:"12h" help:"A person's session ends after this time in any case: at most 30 days."`

	StaffSessionIdle time.Duration `default:"15m" help:"The session of a worker, manager, desk agent or operator ends after this time without use: from a minute to an hour."`
	StaffSessionMax  time.Duration `default:"12h" help:"The session of a worker, manager, desk agent or operator ends after this time in any case: at most a day."`

	DeathWait   int `default:"90" placeholder:"DAYS" help:"Days from the record of a death to the erasure that the person wished, at least 30. Default: ${default}."`
	UnseenAfter int `default:"24" placeholder:"MONTHS" help:"Months without a sign-in after which the operator is told of a person, at least 6. Nothing else follows. Default: ${default}."`

	LeftShare  int `default:"20" placeholder:"PERCENT" help:"How much of a person's space strangers may fill who have the code of a link, in percent: from 1 to 90. Default: ${default}."`
	LeftPerDay int `default:"50" placeholder:"NUMBER" help:"How much may be left by one link in a day: papers and messages together. Default: ${default}."`

	LogLevel  string `default:"info" enum:"trace,debug,info,warn,error" help:"Least level that is logged: ${enum}."`
	LogFormat string `default:"text" enum:"text,json" help:"Form of the log: ${enum}."`

	File kong.ConfigFlag `name:"config" placeholder:"FILE" help:"File in JSON or YAML that sets any of these flags by name."`

	Serve Serve `cmd:"" default:"withargs" help:"Run the server (the default)."`
	Admin Admin `cmd:"" help:"Do the work of the operator, through the running server or, if none runs, directly."`
	Check Check `cmd:"" help:"Try this configuration against its real services, say what is wrong, and leave nothing behind."`

	Backup  Backup  `cmd:"" help:"Copy what the server keeps, and look after the copies."`
	Restore Restore `cmd:"" help:"Put a backup back into empty stores, and sign that it is meant. No server may run."`

	WitnessServer WitnessServer `cmd:"" name:"witness" help:"Run a witness for other operators' servers."`

	AuthorityWork AuthorityWork `cmd:"" name:"authority" help:"Say who the relays are: the work of the authority, on files only."`

	Command string   `kong:"-"` // "serve", "admin sweep", …
	Secrets []string `kong:"-"` // files that values were read from
	Shown   []string `kong:"-"` // flags with a password that stood in the arguments, where a list of processes shows them
}

// Serve is what the server needs besides.
type Serve struct {
	Listen       string         `default:"127.0.0.1:8080" placeholder:"ADDRESS" help:"Address and port to listen on. Default: ${default}."`
	Address      string         `placeholder:"URL" help:"Address under which people reach the pages, such as https://espace.example.org: it is printed on recovery sheets, and other operators' servers reach this one there when somebody moves. Default: none: people write it there by hand, and nobody moves."`
	Demo         bool           `help:"Add a sample person with sample papers, and print how to sign in."`
	DemoWitness  bool           `help:"With --demo: run a witness as a second program, as another organisation would. Every way back in can then be tried."`
	Metrics      string         `name:"metrics-listen" placeholder:"ADDRESS" help:"Address and port of /metrics, for whoever looks after this server and nobody else, such as 127.0.0.1:9100. Default: none, and /metrics is beside the pages."`
	TLSCert      string         `name:"tls-cert" placeholder:"FILE" help:"Certificate, for HTTPS without a proxy in front."`
	TLSKey       string         `name:"tls-key" placeholder:"FILE" help:"Key of the certificate."`
	TrustedProxy []netip.Prefix `placeholder:"PREFIX" help:"Addresses of proxies whose X-Forwarded-For is believed, such as 10.0.0.0/8."`
	Zone         string         `default:"Europe/Paris" help:"Time zone in which pages show the time."`
	Languages    []string       `placeholder:"CODE,…" help:"Languages of the pages, the first for whom asks for none. Default: fr, en and every other that is complete. Those that are only prepared (${languages}) say in English what they lack, and nobody has checked them."`

	MovePrivate bool `name:"move-private" help:"Let people move to servers in private networks too, and over http:// to this machine. They name the address: only where nothing in that network trusts this machine."`

	SignInsPerMinute  int           `default:"60" help:"Sign-ins of one address in a minute. A whole shelter shares one address."`
	StaffPerMinute    int           `default:"20" help:"Sign-ins of workers, and codes that let somebody in, of one address in a minute. Counted apart, so that who tries workers' names keeps no shelter out."`
	LinksPerMinute    int           `default:"60" help:"Uses of links of one address in a minute, by people who have no account."`
	RequestsPerSecond int           `default:"20" help:"Requests of one account in a second."`
	SweepEvery        time.Duration `default:"5m" help:"Time between two sweeps of what is due."`
	ShutdownWait      time.Duration `default:"30s" help:"Time that uploads and downloads under way get to finish when the server stops."`
}

// Check says how the findings are printed.
type Check struct {
	Serve  `embed:""`
	Format string `default:"text" enum:"text,json" help:"Form of the findings: ${enum}."`
}

// Admin is the work of the operator.
type Admin struct {
	Notice      Notice      `cmd:"" help:"Print the notice that a person reads or hears before a space is made."`
	CreateVault CreateVault `cmd:"" help:"Make a space for a person who agreed to the notice, and print its login and password once."`
	Increases   struct{}    `cmd:"" help:"List the requests for more space."`
	Approve     Decision    `cmd:"" help:"Grant a request for more space."`
	Refuse      Decision    `cmd:"" help:"Refuse a request for more space."`
	Sweep       struct{}    `cmd:"" help:"Do now what is due."`
	TellWitness struct{}    `cmd:"" help:"Tell a witness that has lost its records what it remembered: the heads of every vault, as the store has them."`
	Status      struct{}    `cmd:"" help:"Say how the server is."`
	Ready       struct{}    `cmd:"" help:"Ask the running server whether it can work, as /readyz does, for whatever looks after it: ends with 1 if not, or if none runs."`

	Death  DeathWork `cmd:"" help:"Record that a person is dead or unable to decide for ever, look at it, or take it back."`
	Counts struct{}  `cmd:"" help:"Print what relays did by month as CSV, for who pays for them; nothing below ten."`
	Unseen struct{}  `cmd:"" help:"List who has not signed in for long. Nothing happens to them by itself."`

	WebhookSecret struct{} `cmd:"" help:"Draw a secret for a webhook, for the file of --webhooks and for whoever receives it."`

	Invite struct{} `cmd:"" help:"Print a code, good once and for seven days, with which the first manager of a new relay makes an account and founds it."`

	Pages Pages `cmd:"" help:"Serve the pages of the operator to this user on this machine, until Ctrl-C or until nobody has used them for the time of --staff-session-idle."`

	Directory    DirectoryWork    `cmd:"" help:"Show and publish the directory of relays, which the authority signs."`
	Organisation OrganisationWork `cmd:"" help:"Changes of organisations, for the authority to sign."`
	Relay        RelayWork        `cmd:"" help:"Changes of relays, for the authority to sign."`
	Licence      LicenceWork      `cmd:"" help:"Changes of licences, for the authority to sign."`
	Partner      PartnerWork      `cmd:"" help:"Changes of partner systems, for the authority to sign."`
}

// Notice says in which language the notice is printed.
type Notice struct {
	Language string `default:"fr" enum:"fr,en,ar" help:"Language of the notice: ${enum}."`
}

// CreateVault says how the person was told and agreed. No environment variable
// sets Consent: it would agree in everybody's place.
type CreateVault struct {
	Consent  bool   `required:"" env:"-" help:"The person has read or heard the notice (refserver admin notice) and agrees."`
	Language string `default:"fr" enum:"fr,en,ar" help:"Language of the notice: ${enum}."`
}

// Decision answers one request for more space.
type Decision struct {
	ID  string `arg:"" help:"Id of the request, as listed."`
	By  string `required:"" help:"Who decides."`
	Why string `required:"" help:"Why; the person reads it."`
}

// Pages says where the pages of the operator are served, and what they may look at. No
// environment variable and no file sets Listen: there it is the address of the server.
type Pages struct {
	Listen       string `default:"127.0.0.1:0" env:"-" placeholder:"ADDRESS" help:"Address and port on this machine, 127.0.0.1 or [::1]. Port 0 takes a free one. Default: ${default}."`
	AuthorityKey string `placeholder:"FILE" help:"The authority's own key, if it lies on this machine: what was looked at is then signed and published at once. Default: none, and the pages show what to sign where the key lies."`
	Backups      string `placeholder:"FOLDER" help:"Folder of the backups, so that the first page says how old the latest is."`
}

func (p Pages) check(expect func(bool, string)) {
	host, _, err := net.SplitHostPort(p.Listen)
	expect(err == nil && (host == "127.0.0.1" || host == "::1"), "--listen of the operator's pages must be 127.0.0.1 or [::1] and a port, such as 127.0.0.1:0: nobody on a network reaches them")
}

// errHelp: help was asked for and printed; there is nothing more to do.
var errHelp = errors.New("config: help was printed")

// IsHelp reports whether an error of Parse only says that help was printed.
func IsHelp(err error) bool { return errors.Is(err, errHelp) }

// Parse reads the arguments after the program's name. Every problem of the
// configuration is reported at once, with the names of flags; values are not
// repeated. Help goes to out.
func Parse(args []string, out io.Writer) (*Config, error) {
	c := &Config{}
	exited := false
	parser, err := kong.New(c,
		kong.Name("refserver"),
		kong.Description("A small server that keeps copies of papers, contacts and appointments for people who lose them."),
		kong.DefaultEnvars("RECONNECT"),
		kong.Configuration(readFile),
		kong.Vars{"languages": strings.Join(language.Prepared(), ", ")},
		kong.Writers(out, out),
		kong.Exit(func(int) { exited = true }),
	)
	if err != nil {
		return nil, fmt.Errorf("config: %w", err)
	}
	k, err := parser.Parse(twoDashes(args))
	if exited {
		return nil, errHelp
	}
	if err != nil {
		return nil, fmt.Errorf("config: %s", masked(wrongCommand(err)))
	}
	c.Command, _, _ = strings.Cut(k.Command(), " <")
	if c.Command == "check" {
		c.Serve = c.Check.Serve
	}
	if c.Data == "" {
		c.Data = "./reconnect-data"
		if strings.HasPrefix(c.Command, "witness") {
			c.Data = "./reconnect-witness"
		}
	}
	for flag, u := range c.urls() {
		if u.hasPassword() && slices.ContainsFunc(args, func(a string) bool { return strings.HasSuffix(a, u.Reveal()) }) {
			c.Shown = append(c.Shown, "--"+flag)
		}
	}
	var secretsErr error
	c.Secrets, secretsErr = c.readSecrets()
	if err := errors.Join(secretsErr, c.check()); err != nil {
		return nil, err
	}
	return c, nil
}

// wrongCommand is what is wrong with a command line, with all the commands that there are
// in its place, and where to read what they do: the parser names five of them.
func wrongCommand(err error) string {
	said := err.Error()
	var at *kong.ParseError
	if !errors.As(err, &at) || at.Context == nil {
		return said
	}
	node := at.Context.Selected()
	if node == nil {
		node = at.Context.Model.Node
	}
	if strings.HasPrefix(said, "expected one of ") {
		names := make([]string, 0, len(node.Children))
		for _, child := range node.Children {
			names = append(names, child.Name)
		}
		said = "expected one of " + strings.Join(names, ", ")
	}
	return said + " (see: refserver " + strings.TrimSpace(node.Path()+" --help") + ")"
}

// anyURL is what may be a URL with a password in an error of the parser, which
// repeats an argument that it does not know.
var anyURL = regexp.MustCompile(`([a-zA-Z][a-zA-Z0-9+.-]*://)\S+`)

func masked(text string) string { return anyURL.ReplaceAllString(text, "$1…") }

// twoDashes lets flags be written the way of Go programs, with one dash.
func twoDashes(args []string) []string {
	fixed := make([]string, len(args))
	for i, arg := range args {
		if len(arg) > 2 && arg[0] == '-' && arg[1] != '-' {
			arg = "-" + arg
		}
		fixed[i] = arg
	}
	return fixed
}

func (c *Config) check() error {
	var problems []error
	expect := func(ok bool, problem string) {
		if !ok {
			problems = append(problems, errors.New("config: "+problem))
		}
	}
	switch {
	case c.Command == "witness identity", strings.HasPrefix(c.Command, "authority"):
	case strings.HasPrefix(c.Command, "witness"):
		c.checkRecords(expect)
		if c.Command == "witness serve" {
			c.WitnessServer.check(expect)
		}
	default:
		c.Engines.check(expect)
		c.Relays.check(expect)
		c.Recovery.check(expect)
		c.Notify.check(expect)
		c.checkWebhooks(expect)
		c.checkServer(expect)
		if c.Command == "admin pages" {
			c.Admin.Pages.check(expect)
		}
	}
	return errors.Join(problems...)
}

// checkSessions bounds how long a session can be made to last: a phone that was lost, or a
// screen that was left, must close by itself, and what reaches the spaces of many sooner.
func (c *Config) checkSessions(expect func(bool, string)) {
	expect(c.SessionIdle >= time.Minute && c.SessionIdle <= 24*time.Hour, "--session-idle must be from a minute to a day")
	expect(c.SessionMax >= c.SessionIdle, "--session-max must not be less than --session-idle")
	expect(c.SessionMax <= 30*24*time.Hour, "--session-max must be at most 30 days")
	expect(c.StaffSessionIdle >= time.Minute && c.StaffSessionIdle <= time.Hour, "--staff-session-idle must be from a minute to an hour")
	expect(c.StaffSessionMax >= c.StaffSessionIdle, "--staff-session-max must not be less than --staff-session-idle")
	expect(c.StaffSessionMax <= 24*time.Hour, "--staff-session-max must be at most a day")
}

func (c *Config) checkServer(expect func(bool, string)) {
	expect(c.Quota > 0, "--quota must be more than 0 bytes")
	expect(c.QuotaIncreased == 0 || c.QuotaIncreased >= c.Quota, "--quota-increased must not be less than --quota")
	c.checkSessions(expect)
	expect(c.DeathWait >= 30 && c.DeathWait <= 3650, "--death-wait must be from 30 to 3650 days")
	expect(c.UnseenAfter >= 6 && c.UnseenAfter <= 1200, "--unseen-after must be from 6 to 1200 months")
	expect(c.LeftShare >= 1 && c.LeftShare <= 90, "--left-share must be from 1 to 90 percent")
	expect(c.LeftPerDay >= 1 && c.LeftPerDay <= 100_000, "--left-per-day must be from 1 to 100000")
	s := c.Serve
	_, _, err := net.SplitHostPort(s.Listen)
	expect(err == nil, "--listen must be an address and a port, such as 127.0.0.1:8080")
	_, _, err = net.SplitHostPort(s.Metrics)
	expect(s.Metrics == "" || err == nil, "--metrics-listen must be an address and a port, such as 127.0.0.1:9100")
	expect(s.Address == "" || isPageAddress(s.Address), "--address must be where people reach the pages, such as https://espace.example.org, without anything behind the name")
	expect((s.TLSCert == "") == (s.TLSKey == ""), "--tls-cert and --tls-key must be given together")
	if s.TLSCert != "" && s.TLSKey != "" {
		_, err := tls.LoadX509KeyPair(s.TLSCert, s.TLSKey)
		expect(err == nil, "--tls-cert and --tls-key are not a certificate and its key")
	}
	expect(!s.DemoWitness || s.Demo && c.Witness == "", "--demo-witness goes with --demo, and not with --witness")
	_, err = time.LoadLocation(s.Zone)
	expect(err == nil && s.Zone != "", "--zone is not a time zone, such as Europe/Paris")
	for _, code := range s.Languages {
		expect(slices.Contains(language.Codes(), code), "--languages: "+strconv.Quote(code)+" is not one of "+strings.Join(language.Codes(), ", "))
	}
	expect(s.SignInsPerMinute > 0, "--sign-ins-per-minute must be more than 0")
	expect(s.StaffPerMinute > 0, "--staff-per-minute must be more than 0")
	expect(s.LinksPerMinute > 0, "--links-per-minute must be more than 0")
	expect(s.RequestsPerSecond > 0, "--requests-per-second must be more than 0")
	expect(s.SweepEvery >= time.Second, "--sweep-every must be at least a second")
	expect(s.ShutdownWait >= 0, "--shutdown-wait is negative")
}

// isPageAddress reports whether people could type it. Cookies need HTTPS, except on the
// machine itself.
func isPageAddress(text string) bool {
	u, err := url.Parse(text)
	if err != nil || u.Hostname() == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" || u.Path != "" && u.Path != "/" {
		return false
	}
	return u.Scheme == "https" || u.Scheme == "http" && u.Hostname() == "localhost"
}

// Logger makes the log of the server, on w.
func (c *Config) Logger(w io.Writer) hclog.Logger {
	return hclog.New(&hclog.LoggerOptions{
		Name: "refserver", Level: hclog.LevelFromString(c.LogLevel), Output: w, JSONFormat: c.LogFormat == "json",
	})
}

// OnlyThisMachine reports whether the server can be reached from this machine alone.
func (s Serve) OnlyThisMachine() bool {
	host, _, _ := net.SplitHostPort(s.Listen)
	if host == "localhost" {
		return true
	}
	address, err := netip.ParseAddr(host)
	return err == nil && address.IsLoopback()
}

// set reports whether a flag's environment variable is set.
func set(names []string) bool {
	for _, name := range names {
		if _, ok := os.LookupEnv(name); ok {
			return true
		}
	}
	return false
}

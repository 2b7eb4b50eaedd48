package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"strings"

	"reconnect.example/refserver/config"
	"reconnect.example/refserver/demo"
	"reconnect.example/refserver/engines"
)

// greet says where to open the server, how to sign in to the sample space, and
// which of the defaults are for one machine only.
func (s *server) greet(ctx context.Context, out io.Writer, address net.Addr) error {
	var text strings.Builder
	fmt.Fprintf(&text, "\nReconnect is running.\n\n  Open      %s\n  Data      %s (only this user can read it)\n", s.address(address), s.config.Data)
	if s.numbers != nil {
		fmt.Fprintf(&text, "  Numbers   http://%s/metrics\n", s.numbers)
	}
	if s.config.Witness != "" {
		identity, err := engines.Identity(s.config)
		if err != nil {
			return err
		}
		fmt.Fprintf(&text, "  Identity  %s (by this the witness knows the server)\n", identity.Public())
	}
	if s.config.Serve.Demo {
		person, err := demo.Prepare(ctx, s.data.Vaults, s.config.Data)
		if err != nil {
			return err
		}
		fmt.Fprintf(&text, "\n  The sample person is %s, who does not exist. To sign in:\n  Login     %s\n  Password  %s\n", demo.Name, person.Login, person.Password)
		if err := s.greetStaff(ctx, &text, person); err != nil {
			return err
		}
	}
	if notes := oneMachineOnly(s.config); notes != "" {
		text.WriteString("\n  For one machine only:\n" + notes)
	}
	if !s.config.Serve.OnlyThisMachine() && s.config.Serve.TLSCert == "" && len(s.config.Serve.TrustedProxy) == 0 {
		text.WriteString("\n  WARNING: this address can be reached from other machines, without HTTPS.\n" +
			"  Passwords would travel in clear, and browsers will refuse the sign-in.\n")
		s.log.Warn("reachable from other machines without HTTPS", "listen", s.config.Serve.Listen)
	}
	text.WriteString("\n  Stop with Ctrl-C.\n\n")
	_, err := io.WriteString(out, text.String())
	return err
}

// greetStaff makes the sample relays, and says how to sign in as who works there.
func (s *server) greetStaff(ctx context.Context, text *strings.Builder, person demo.Person) error {
	if s.sample == nil {
		return nil
	}
	relays := demo.Relays{
		Vaults: s.data.Vaults, Service: s.data.Staff, Directory: s.data.Directory, Authority: s.sample, Folder: s.config.Data,
		Recovery: s.data.Recovery, Independent: s.config.WitnessIndependent,
	}
	sample, err := relays.Prepare(ctx, person)
	if err != nil {
		return err
	}
	text.WriteString("\n  Sample relays, whose authority's key lies in the data folder: never so for real.\n" +
		"  Their workers sign in at /staff/sign-in, without a second factor: only in the sample.\n")
	for _, one := range sample.Staff {
		fmt.Fprintf(text, "  %s, who %s\n    Login     %s\n    Password  %s\n", one.Name, one.Work, one.Login, one.Password)
	}
	greetBack(text, person, sample.WaysBack)
	return nil
}

// greetBack says how to try what helps people back in: stories that a newcomer can follow.
func greetBack(text *strings.Builder, person demo.Person, w demo.WaysBack) {
	fmt.Fprintf(text, "\n  Say %s has forgotten the password, and has a recovery sheet:\n    Sheet     %s\n  and knows answers, which nobody else knows:\n", demo.Name, w.Sheet)
	for _, q := range w.Questions {
		fmt.Fprintf(text, "    %s  %s\n", q.Text, q.Answer)
	}
	fmt.Fprintf(text, "  On site: Nadia finds them in her list, opens a request, notes number and code, and leaves\n"+
		"  the device: her session is locked until she types her password again.\n"+
		"  By call: Inès or Karim find them by the login %s, and say number and code.\n"+
		"  There, or in another browser, %s enters number and code at /back,\n"+
		"  then the sheet or the answers, and a new password.\n"+
		"  With nothing: Nadia asks Permanence Exemple; Karim gives its part, which has a code of its own;\n"+
		"  Inès and Louise agree. Then it takes seven days, and %[2]s ends it by signing in.\n"+
		"  Whoever is back has another password than the one printed here; the next start makes another sample person.\n"+
		"  A lost phone: Nadia finds them in her list, or Karim by the login, and signs every device out.\n", person.Login, demo.Name)
}

// oneMachineOnly says which parts of a configuration are.
func oneMachineOnly(c *config.Config) string {
	var text strings.Builder
	if !c.SharedRecords() {
		text.WriteString("  - Records lie in SQLite: one server at a time.\n")
	}
	if c.Blobs == "" || c.Blobs.Scheme() == "file" {
		text.WriteString("  - Documents lie in files: one server at a time.\n")
	}
	if c.Keys == "" {
		text.WriteString("  - The key file service.key lies beside the data. Keep it out of the backups of\n" +
			"    the data: whoever has both can try out passwords.\n")
	}
	if c.Witness == "" {
		text.WriteString("  - The witness lies on the same disk: a disk that is put back as it was is not\n" +
			"    noticed. Let another organisation run the witness where that matters.\n")
	}
	if c.Serve.DemoWitness {
		text.WriteString("  - The sample witness runs on this machine, and passes for another organisation's.\n")
	}
	if c.Serve.TLSCert == "" {
		text.WriteString("  - There is no HTTPS: put a proxy with HTTPS in front, or give --tls-cert and --tls-key.\n")
	}
	return text.String()
}

// address is what to type into a browser.
func (s *server) address(listening net.Addr) string {
	scheme := "http"
	if s.config.Serve.TLSCert != "" {
		scheme = "https"
	}
	host, port, _ := net.SplitHostPort(listening.String())
	if ip := net.ParseIP(host); ip == nil || ip.IsUnspecified() || ip.IsLoopback() {
		host = "localhost"
	}
	return scheme + "://" + net.JoinHostPort(host, port)
}

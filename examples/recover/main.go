// Command recover shows how a program lets people back in who have forgotten their
// password: on site, with answers to their own questions and a worker beside them; and by
// call, with a recovery sheet and a desk of another organisation. Neither helper sees a
// paper, an answer, a sheet or a password, and neither gets in.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"os"
	"strings"

	"reconnect.example/consent"
	"reconnect.example/recovery"
	"reconnect.example/vault"
)

var notice = vault.Notice{Version: "1", Language: "en", Text: "What is kept, who can see it, who may help back in, and how to end it."}

// questions are the person's own words. Nothing in the papers answers them.
var questions = []recovery.Question{
	{Text: "What was the camp dog called?", Answer: "Old Whiskers"},
	{Text: "What did the shop below my first room sell?", Answer: "buttons and ribbons"},
	{Text: "Which song did my aunt always sing wrong?", Answer: "the sleeping river"},
}

func main() {
	if err := run(context.Background(), "./data", os.Stdout); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context, folder string, out io.Writer) error {
	s, err := open(ctx, folder)
	if err != nil {
		return err
	}
	defer s.Close()
	samir, err := s.found(ctx, "Samir", "Les Amis", "Harbour", consent.TypeDayCentre)
	if err != nil {
		return err
	}
	defer samir.Close()
	lina, err := s.found(ctx, "Lina", "La Ligne", "Line", consent.TypeDesk)
	if err != nil {
		return err
	}
	defer lina.Close()

	sheet, login, err := prepare(ctx, s, samir, lina)
	if err != nil {
		return err
	}
	again, err := onSite(ctx, s, samir, out)
	if err != nil {
		return err
	}
	if err := makeAnew(ctx, s, again, &sheet); err != nil {
		return err
	}
	return byCall(ctx, s, lina, login, sheet, out)
}

// prepare is another day: worker and person together open a space, and the person
// prepares their ways back in, alone.
func prepare(ctx context.Context, s *service, samir, lina *consent.Post) (sheet, login string, err error) {
	account, err := samir.OpenAccount(ctx, consent.NewAccount{
		Name: "Amina", Password: "four words to keep", Notice: notice, Consent: true, Follow: notice, Agreed: true, Scope: vault.ScopeAdd,
	})
	if err != nil {
		return "", "", err
	}
	amina := account.Vault
	defer amina.Close()
	for name, in := range map[string]vault.Compartment{"Birth certificate": vault.Shared, "Diary": vault.Private} {
		if _, err := amina.AddDocument(ctx, vault.NewDocument{Name: name, Compartment: in}, strings.NewReader("a scan")); err != nil {
			return "", "", err
		}
	}
	made, err := s.recovery.Enrol(ctx, amina, recovery.Enrolment{
		Sheet:   &recovery.NewSheet{Private: true},
		Answers: &recovery.NewAnswers{Questions: questions}, // not for what is private: that takes a yes of its own
		Desk:    lina.Relay().ID, Notice: notice, Agreed: true,
	}, vault.Secret{Password: "four words to keep"})
	if err != nil {
		return "", "", err
	}
	return made.Sheet.Code, made.Sheet.Login, nil // to be printed now
}

// onSite: the password is forgotten, and the sheet is in another town.
func onSite(ctx context.Context, s *service, samir *consent.Post, out io.Writer) (*vault.Vault, error) {
	people, err := samir.People(ctx)
	if err != nil {
		return nil, err
	}
	opened, err := help(ctx, s, samir, people[0].Vault, vault.PathAnswersRelay)
	if err != nil {
		return nil, err
	}
	// On her own phone: the number and the code that Samir handed over, and what nobody else knows.
	page, err := s.recovery.Enter(ctx, recovery.HandOverCode{Number: opened.Number, Code: opened.Code})
	if err != nil {
		return nil, err
	}
	fmt.Fprintln(out, "on site, Amina is asked:", page.Questions[0])
	back, err := page.Complete(ctx, recovery.Completion{
		Answers: []string{"old whiskers", "Buttons & ribbons", "The sleeping river!"}, Password: "other words to keep", Session: &vault.SessionRequest{Device: "phone"},
	})
	if errors.Is(err, vault.ErrSignIn) { // "&" is not "and": one try of five is spent
		fmt.Fprintln(out, "one answer is wrong, and nobody says which")
		back, err = page.Complete(ctx, recovery.Completion{
			Answers: []string{"old whiskers", "Buttons and ribbons", "The sleeping river!"}, Password: "other words to keep", Session: &vault.SessionRequest{Device: "phone"},
		})
	}
	if err != nil {
		return nil, err
	}
	if err := list(ctx, back, out, "on site"); err != nil {
		return nil, err
	}
	// The old password comes back to her, days later.
	n, err := s.recovery.OpenLocked(ctx, back.Vault, vault.Secret{Password: "four words to keep"}, vault.Secret{Password: "other words to keep"})
	fmt.Fprintln(out, "with the old password, what comes back:", n)
	return back.Vault, err
}

// help is what a helper does: see how they can help, and open a request. They get a number
// and a code for the person alone.
func help(ctx context.Context, s *service, p *consent.Post, id vault.ID, kind vault.PathKind) (recovery.Opened, error) {
	ways, err := s.recovery.Ways(ctx, p, id)
	if err != nil {
		return recovery.Opened{}, err
	}
	for _, w := range ways {
		if w.Kind == kind {
			return s.recovery.Open(ctx, p, recovery.NewRequest{Vault: id, Path: w.Path, Recognised: "we have known each other for years"})
		}
	}
	return recovery.Opened{}, recovery.ErrRequest
}

// list says what somebody has who is back.
func list(ctx context.Context, back recovery.Completed, out io.Writer, how string) error {
	papers, err := back.Vault.List(ctx, &vault.ListOptions{Kind: vault.KindDocument})
	if err != nil {
		return err
	}
	for _, p := range papers {
		fmt.Fprintln(out, how+", Amina is back and has:", p.Name)
	}
	fmt.Fprintln(out, how+", what stays locked, with its folders:", back.Locked)
	return nil
}

// makeAnew: after a recovery nothing of before opens anything, the sheet neither.
func makeAnew(ctx context.Context, s *service, amina *vault.Vault, sheet *string) error {
	defer amina.Close()
	made, err := s.recovery.Enrol(ctx, amina, recovery.Enrolment{
		Sheet: &recovery.NewSheet{Private: true}, Notice: notice, Agreed: true,
	}, vault.Secret{Password: "other words to keep"})
	if err == nil {
		*sheet = made.Sheet.Code
	}
	return err
}

// byCall: in a town where nobody knows her she calls the desk, and reads her login from
// the sheet. The agent asks for nothing else of it: see recovery.Script.
func byCall(ctx context.Context, s *service, lina *consent.Post, login, sheet string, out io.Writer) error {
	for _, step := range recovery.Script(vault.PathSheetDesk, "en") {
		if step.Do == recovery.DoAsk {
			fmt.Fprintln(out, "by call, Lina asks:", step.Text)
		}
	}
	id, err := s.recovery.Find(ctx, lina, login)
	if err != nil {
		return err
	}
	opened, err := help(ctx, s, lina, id, vault.PathSheetDesk)
	if err != nil {
		return err
	}
	page, err := s.recovery.Enter(ctx, recovery.HandOverCode{Number: opened.Number, Code: opened.Code})
	if err != nil {
		return err
	}
	back, err := page.Complete(ctx, recovery.Completion{Sheet: sheet, Password: "third words to keep", Session: &vault.SessionRequest{Device: "library"}})
	if err != nil {
		return err
	}
	defer back.Vault.Close()
	if err := list(ctx, back, out, "by call"); err != nil {
		return err
	}
	happened, err := back.Vault.Journal(ctx, nil)
	if err != nil {
		return err
	}
	for _, h := range happened {
		if h.Actor.Name == "Lina" {
			fmt.Fprintln(out, "Amina reads:", h.Actor.Name, "of", h.Actor.Relay, "-", h.Act)
		}
	}
	return nil
}

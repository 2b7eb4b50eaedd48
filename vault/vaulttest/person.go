package vaulttest

import (
	"context"
	"testing"

	"reconnect.example/vault"
)

// Person is somebody with a vault, and what they know by heart. A test that
// changes the password sets Password to the new one.
type Person struct {
	Vault    *vault.Vault // open, with a session
	Login    string
	Password string
	// Code, if not nil, gives the code of the second factor for each sign-in.
	Code func() string
}

// Person opens a vault for somebody new.
func (s *Stage) Person(t testing.TB) *Person {
	t.Helper()
	p, err := s.NewPerson(t.Context())
	if err != nil {
		t.Fatalf("vaulttest: a new person: %v", err)
	}
	return p
}

// NewPerson is [Stage.Person] where there is no test, or an error is expected.
func (s *Stage) NewPerson(ctx context.Context) (*Person, error) {
	password, err := vault.SuggestPassword()
	if err != nil {
		return nil, err
	}
	v, err := s.Create(ctx, CreateRequest(password))
	if err != nil {
		return nil, err
	}
	login, err := v.Login(ctx)
	return &Person{Vault: v, Login: login, Password: password}, err
}

// CreateRequest is a complete request to create a vault with this password and
// a session.
func CreateRequest(password string) vault.CreateRequest {
	return vault.CreateRequest{
		Password: password,
		Notice:   vault.Notice{Version: "test-1", Language: "en", Text: "What is kept here, for whom, and how to leave."},
		Consent:  true,
		Session:  &vault.SessionRequest{Device: "test"},
	}
}

// SignIn opens the person's vault anew with login and password, on this or
// another stage over the same data, with a session of its own.
func (p *Person) SignIn(t testing.TB, s *Stage) *vault.Vault {
	t.Helper()
	v, err := s.Unlock(t.Context(), p.Secret())
	if err != nil {
		t.Fatalf("vaulttest: sign in: %v", err)
	}
	return v
}

// Secret is what the person types to sign in, asking for a session.
func (p *Person) Secret() vault.Password {
	secret := vault.Password{Login: p.Login, Secret: p.Password, Session: &vault.SessionRequest{Device: "test"}}
	if p.Code != nil {
		secret.Code = p.Code()
	}
	return secret
}

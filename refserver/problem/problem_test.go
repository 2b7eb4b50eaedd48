package problem_test

import (
	"context"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"reconnect.example/consent"
	"reconnect.example/quota"
	"reconnect.example/recovery"
	"reconnect.example/refserver/language"
	"reconnect.example/refserver/problem"
	"reconnect.example/storage"
	"reconnect.example/vault"
)

var ofTheLibrary = []error{
	vault.ErrSignIn, vault.ErrCardDead, vault.ErrSecondFactor, vault.ErrBackOff, vault.ErrBusy, vault.ErrSessionEnded, vault.ErrNotFound, vault.ErrRevision, vault.ErrInvalid,
	vault.ErrTooMany, vault.ErrTooManyLocked, vault.ErrNotEmpty, vault.ErrBusyMoving, vault.ErrFull, vault.ErrClosing, vault.ErrUploadExpired, vault.ErrOffset, vault.ErrTampered,
	vault.ErrStale, vault.ErrPolicy, vault.ErrUntrustedKey, vault.ErrWitnessAway, vault.ErrUnconfirmed, vault.ErrKeyService,
	vault.ErrStorage, vault.ErrUnknown, vault.ErrRepeated, vault.ErrNotAllowed, vault.ErrNotTaken, vault.ErrEnded, vault.ErrNoHelper, vault.ErrOneOrganisation, vault.ErrNotSent, vault.ErrClosed, vault.ErrLocked, vault.ErrSecretAgain,
}

// ofRelays are the errors of package consent.
var ofRelays = []error{
	consent.ErrNotNamed, consent.ErrNoDirectory, consent.ErrOutdated, consent.ErrInvitation, consent.ErrNotMember, consent.ErrNotManager,
	consent.ErrNoSecondFactor, consent.ErrKeyChanged, consent.ErrFingerprint, consent.ErrLastManager, consent.ErrFollowed, consent.ErrLicence, consent.ErrNotAttested, consent.ErrRevoked, consent.ErrNoAnswer, consent.ErrAskCode, consent.ErrTraits,
}

// ofRecovery are the errors of package recovery.
var ofRecovery = []error{
	recovery.ErrNotIndependent, recovery.ErrNotOffered, recovery.ErrWeak, recovery.ErrRequest, recovery.ErrOpen, recovery.ErrCode, recovery.ErrSpent,
	recovery.ErrAgreed, recovery.ErrNotReady,
}

// errorsIn counts the errors that a package declares for its callers.
func errorsIn(t *testing.T, pattern string) (count int) {
	t.Helper()
	files, err := filepath.Glob(pattern)
	require.NoError(t, err)
	for _, name := range files {
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		require.NoError(t, err)
		for _, declared := range file.Decls {
			group, isGroup := declared.(*ast.GenDecl)
			if !isGroup || group.Tok != token.VAR {
				continue
			}
			for _, spec := range group.Specs {
				if strings.HasPrefix(spec.(*ast.ValueSpec).Names[0].Name, "Err") {
					count++
				}
			}
		}
	}
	return count
}

func TestEveryErrorOfRelaysIsInTheTable(t *testing.T) {
	t.Parallel()
	require.Len(t, ofRelays, errorsIn(t, "../../consent/*.go"), "an error of package consent is missing in this test")
	for _, err := range ofRelays {
		require.NotEqual(t, "internal", problem.Of(fmt.Errorf("wrapped: %w", err)).Code, err)
	}
}

func TestEveryErrorOfRecoveryIsInTheTable(t *testing.T) {
	t.Parallel()
	require.Len(t, ofRecovery, errorsIn(t, "../../recovery/*.go"), "an error of package recovery is missing in this test")
	for _, err := range append(ofRecovery, &recovery.NotReadyError{}) {
		require.NotEqual(t, "internal", problem.Of(fmt.Errorf("wrapped: %w", err)).Code, err)
	}
}

func TestEveryErrorOfTheLibraryIsInTheTable(t *testing.T) {
	t.Parallel()
	require.Len(t, ofTheLibrary, errorsIn(t, "../../vault/errors.go"), "an error of package vault is missing in this test")
	for _, err := range ofTheLibrary {
		p := problem.Of(fmt.Errorf("wrapped: %w", err))
		require.NotEqual(t, "internal", p.Code, err)
		if !errors.Is(err, vault.ErrClosed) { // for a caller it is a store that does not answer
			require.Equal(t, vault.Code(err), p.Code)
		}
	}
}

func TestEveryProblemHasPlainWordsAndAStatus(t *testing.T) {
	t.Parallel()
	codes := map[string]bool{}
	for _, p := range problem.All() {
		require.False(t, codes[p.Code], p.Code)
		codes[p.Code] = true
		require.Equal(t, "https://reconnect.example/problems/"+p.Code, p.Type())
		require.NotEmpty(t, http.StatusText(p.Status), p.Code)
		for _, code := range language.Offered() {
			require.Regexp(t, `^[\p{Lu}\p{Lo}].*\.$`, p.Sentence(language.In(code)))
		}
		require.NotEqual(t, p.Sentence(language.In("fr")), p.Sentence(language.In("en")))
	}
}

func TestWhatIsNotInTheTableSaysNothingOfItsCause(t *testing.T) {
	t.Parallel()
	p := problem.Of(errors.New("the secret of vault 42"))
	require.Equal(t, http.StatusInternalServerError, p.Status)
	require.NotContains(t, p.Sentence(language.In("en")), "42")
}

func TestErrorsAreLookedUpInTheOrderThatGivesLeastAway(t *testing.T) {
	t.Parallel()
	require.Equal(t, "sign-in", problem.Of(errors.Join(vault.ErrTampered, vault.ErrSignIn)).Code, "E8: a tampered keyslot is a wrong secret")
	require.Equal(t, "truncated", problem.Of(fmt.Errorf("%w: %w", problem.ErrTruncated, context.Canceled)).Code)
	require.Equal(t, "full", problem.Of(&quota.FullError{Left: 3}).Code)
	require.Equal(t, "too-large", problem.Of(&http.MaxBytesError{Limit: 1}).Code)
	require.Equal(t, http.StatusServiceUnavailable, problem.Of(storage.ErrNoSpace).Status)
}

func TestTheTimeToWaitIsRoundedUp(t *testing.T) {
	t.Parallel()
	for wait, want := range map[time.Duration]time.Duration{0: time.Second, time.Millisecond: time.Second, 29_100 * time.Millisecond: 30 * time.Second} {
		require.Equal(t, want, problem.Of(&vault.BackOffError{Wait: wait}).Retry)
	}
}

func TestACauseInALogNamesNobody(t *testing.T) {
	t.Parallel()
	id := vault.ItemID{1, 2, 3}
	for _, err := range []error{
		fmt.Errorf(`get "%s/i/%s": %w`, vault.ID{9}, id, storage.ErrUnavailable),
		&vault.MissingError{Item: id},
		fmt.Errorf("open /data/documents/%s/%s: no space left on device", vault.ID{9}, id),
		fmt.Errorf("token %s", "AbCdEfGhIjKlMnOpQrStUvWxYz0123456789-_"),
	} {
		cause := problem.Cause(err)
		require.NotContains(t, cause, id.String())
		require.NotContains(t, cause, vault.ID{9}.String())
		require.NotContains(t, cause, "AbCdEf")
		require.NotEmpty(t, cause)
	}
	require.Contains(t, problem.Cause(errors.New("write: no space left on device")), "no space left on device")
	require.LessOrEqual(t, len(problem.Cause(errors.New(strings.Repeat("word ", 1000)))), 410)
}

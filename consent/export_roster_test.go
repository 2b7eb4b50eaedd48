package consent

import (
	"time"

	"reconnect.example/vault"
)

// RosterData is a person in a roster as it is kept, for tests with thousands of them.
func RosterData(id vault.ID, grant vault.GrantID, since time.Time) ([]byte, error) {
	return formPerson.pack(rosterEntry{Vault: id, Grant: grant, Since: since.UnixMilli(), Scope: vault.ScopeSee})
}

package config

// Backup is copying what the server keeps, and looking after the copies. A
// folder takes many; documents that are in it are not copied again.
type Backup struct {
	Take   BackupTake   `cmd:"" help:"Copy everything while the server runs: records and witness of one instant, and the documents that they name. Not the keys: keep those in another place."`
	List   BackupFolder `cmd:"" help:"List the backups of a folder."`
	Verify BackupVerify `cmd:"" help:"Read a backup to its end, and say what of it is missing or spoilt."`
	Prune  BackupPrune  `cmd:"" help:"Delete the oldest backups, and the documents that only they name."`
}

// BackupFolder names a folder of backups.
type BackupFolder struct {
	Folder string `arg:"" help:"Folder of the backups, best on another disk."`
}

// BackupTake says where to.
type BackupTake struct {
	BackupFolder `embed:""`
}

// BackupOne names one backup of a folder.
type BackupOne struct {
	BackupFolder `embed:""`
	Name         string `arg:"" optional:"" help:"Its name, as listed. Default: the latest whole one."`
}

// BackupVerify says what is done about what is spoilt.
type BackupVerify struct {
	BackupOne `embed:""`
	Repair    bool `help:"Delete spoilt copies of documents, so that the next backup copies them again."`
}

// BackupPrune says how many stay.
type BackupPrune struct {
	BackupFolder `embed:""`
	Keep         int `required:"" help:"How many backups stay, at least 1."`
}

// Restore says what is put back, and with whose word.
type Restore struct {
	BackupOne       `embed:""`
	WithWitness     bool   `help:"The witness of the data folder is lost too: put it back from the backup. Everybody is then told of the restore."`
	OperatorKeyFile string `placeholder:"FILE" help:"The operator's own key, which signs the statements. Default: operator.key in the data folder."`
	SettleOnly      bool   `help:"The records are back already: only sign the statements, after an interruption."`
}

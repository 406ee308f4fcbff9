package vault

// NewMasterFile is the name of a master file that is being written.
func NewMasterFile(path, word string) string { return newMaster(path, word) }

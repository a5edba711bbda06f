// The precompiled header belongs to this file's target; every other target uses it.

"""SSH: every connection to an SFTP server, for sources, staging and destinations, by one client (asyncssh)."""

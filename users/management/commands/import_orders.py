from users.management.import_command import ImportCommand


class Command(ImportCommand):
    help = "Import orders from a file; importing it again changes nothing."
    kind = "orders"

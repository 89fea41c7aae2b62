from django.db import migrations


class Migration(migrations.Migration):
    """Payloads and results are compressed by their senders: PostgreSQL need not try again."""

    dependencies = [("sessions_app", "0001_initial")]

    operations = [
        migrations.RunSQL(
            "ALTER TABLE sessions_app_jobpayload ALTER COLUMN params SET STORAGE EXTERNAL",
            "ALTER TABLE sessions_app_jobpayload ALTER COLUMN params SET STORAGE EXTENDED",
        ),
        migrations.RunSQL(
            "ALTER TABLE sessions_app_jobresult ALTER COLUMN body SET STORAGE EXTERNAL",
            "ALTER TABLE sessions_app_jobresult ALTER COLUMN body SET STORAGE EXTENDED",
        ),
    ]

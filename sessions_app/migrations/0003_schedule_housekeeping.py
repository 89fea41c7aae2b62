from django.db import migrations

TASK = "sessions_app.tasks.housekeeping"


def schedule(apps, schema_editor):
    schedules = apps.get_model("django_q", "Schedule")
    schedules.objects.get_or_create(func=TASK, defaults={"name": "housekeeping", "schedule_type": "H"})


def unschedule(apps, schema_editor):
    apps.get_model("django_q", "Schedule").objects.filter(func=TASK).delete()


class Migration(migrations.Migration):
    dependencies = [
        ("sessions_app", "0002_store_bodies_as_they_are"),
        ("django_q", "0018_task_success_index"),
    ]

    operations = [migrations.RunPython(schedule, unschedule)]

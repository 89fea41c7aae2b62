
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('backends', '0003_windows'),
        ('sessions_app', '0021_use_of_users_by_one_index'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AlterModelOptions(
            name='calibrationpolicy',
            options={'verbose_name_plural': 'calibration policies'},
        ),
        migrations.RemoveConstraint(
            model_name='runtime',
            name='one_run_time_per_program',
        ),
        migrations.AddField(
            model_name='runtime',
            name='runs',
            field=models.PositiveIntegerField(default=1),
        ),
        migrations.AddField(
            model_name='runtime',
            name='user',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddConstraint(
            model_name='runtime',
            constraint=models.UniqueConstraint(fields=('backend', 'program', 'user'), name='one_run_time_per_program_and_user', nulls_distinct=False),
        ),
    ]
